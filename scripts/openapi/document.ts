import type { DescMethod, DescService } from '@bufbuild/protobuf';
import { commentText } from './comment-text.ts';
import { errorResponses, errorSchemas } from './errors.ts';
import { createSchemas } from './schemas.ts';
import type { Schema, Schemas } from './schemas.ts';
import { userPolicyPaths, userPolicySchemas } from './user-policies.ts';

/** The OpenAPI 3.1 description of the admin plane over HTTP: one POST per method, as Connect speaks JSON, and the paths for admin pages. */
export function openApiDocument(services: readonly DescService[]): Schema {
  const schemas = createSchemas();
  const paths = services.flatMap((service) =>
    service.methods.map((method) => [
      `/${service.typeName}/${method.name}`,
      { post: operation(service, method, schemas) },
    ]),
  );
  return {
    openapi: '3.1.0',
    info: {
      title: 'Tollgate, admin plane',
      version: 'v1',
      description:
        'Every method is a POST with a JSON message. 64-bit numbers are text. What holds for every method is written in ' +
        'proto/tollgate/admin/v1/conventions.proto.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ secret: [] }],
    tags: services.map((service) => ({
      name: service.name,
      description: commentText(service),
    })),
    paths: { ...Object.fromEntries(paths), ...userPolicyPaths },
    components: {
      securitySchemes: {
        secret: { type: 'http', scheme: 'bearer', description: 'The secret of an account.' },
      },
      responses: errorResponses,
      schemas: { ...errorSchemas, ...userPolicySchemas, ...sorted(schemas.components) },
    },
  };
}

function operation(service: DescService, method: DescMethod, schemas: Schemas): Schema {
  const isStream = method.methodKind !== 'unary';
  const content = (schema: Schema): Schema =>
    isStream
      ? { 'application/connect+json': { schema: enveloped(schema) } }
      : { 'application/json': { schema } };
  return {
    operationId: `${service.name}_${method.name}`,
    tags: [service.name],
    description: commentText(method),
    requestBody: { required: true, content: content(schemas.of(method.input)) },
    responses: {
      '200': {
        description: isStream
          ? 'A stream of messages. Its last one says how it ended.'
          : `A ${method.output.name}.`,
        content: content(schemas.of(method.output)),
      },
      ...Object.fromEntries(
        Object.keys(errorResponses).map((status) => [
          status,
          { $ref: `#/components/responses/${status}` },
        ]),
      ),
    },
  };
}

/** Each message of a stream has five bytes before it: flags, and its length. */
function enveloped(schema: Schema): Schema {
  return {
    type: 'string',
    format: 'binary',
    description: 'Messages of Connect streams: five bytes of flags and length, then JSON.',
    contentMediaType: 'application/json',
    contentSchema: schema,
  };
}

function sorted(schemas: Readonly<Record<string, Schema>>): Readonly<Record<string, Schema>> {
  return Object.fromEntries(Object.entries(schemas).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
