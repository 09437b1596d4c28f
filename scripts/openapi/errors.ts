import type { Schema } from './schemas.ts';

/** Connect's HTTP status of each code that a method may answer with. */
const codes: Readonly<Record<string, readonly string[]>> = {
  '400': ['invalid_argument', 'failed_precondition'],
  '401': ['unauthenticated'],
  '403': ['permission_denied'],
  '404': ['not_found'],
  '409': ['already_exists', 'aborted'],
  '429': ['resource_exhausted'],
  '499': ['canceled'],
  '500': ['internal'],
  '501': ['unimplemented'],
  '503': ['unavailable'],
  '504': ['deadline_exceeded'],
};

/** How methods fail, by HTTP status. */
export const errorResponses: Readonly<Record<string, Schema>> = {
  ...Object.fromEntries(
    Object.entries(codes).map(([status, of]) => [
      status,
      {
        description: of.join(', '),
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
      },
    ]),
  ),
  '415': { description: 'The content type is none that the method takes.' },
};

/** The body of an error. */
export const errorSchemas: Readonly<Record<string, Schema>> = {
  Error: {
    type: 'object',
    description:
      'An error as Connect writes it. Programs read the reason of google.rpc.ErrorInfo in `details`.',
    required: ['code'],
    properties: {
      code: { type: 'string', enum: Object.values(codes).flat() },
      message: { type: 'string', description: 'For people.' },
      details: { type: 'array', items: { $ref: '#/components/schemas/ErrorDetail' } },
    },
  },
  ErrorDetail: {
    type: 'object',
    required: ['type', 'value'],
    properties: {
      type: { type: 'string', examples: ['google.rpc.ErrorInfo', 'google.rpc.BadRequest'] },
      value: { type: 'string', description: 'The message in binary, in base64 without padding.' },
      debug: { description: 'The same in JSON.' },
    },
  },
};
