import { errorResponses } from './errors.ts';
import type { Schema } from './schemas.ts';

const form = 'tollgate.admin.v1.UserPolicyForm';
const orgId = { name: 'orgId', in: 'path', required: true, schema: { type: 'string' } };
const query = (name: string, schema: Schema, description: string): Schema => ({
  name,
  in: 'query',
  description,
  schema,
});
const etag = { etag: { schema: { type: 'string' }, description: 'The etag of the policy.' } };

/** The path that is no RPC: the policies of users as admin pages read and write them. */
export const userPolicyPaths: Readonly<Record<string, Schema>> = {
  '/api/admin/organizations/{orgId}/user-policies': {
    get: {
      operationId: 'listUserPolicies',
      tags: ['UserPolicyFormService'],
      description:
        'Lists all users that are registered or have a policy, by id, with their overrides.',
      parameters: [
        orgId,
        query('pageSize', { type: 'integer', minimum: 0 }, 'At most so many; 0 is 100.'),
        query('pageToken', { type: 'string' }, 'The nextPageToken of the page before.'),
      ],
      responses: {
        '200': {
          description: 'A page.',
          content: { 'application/json': { schema: page() } },
        },
        ...problems(),
      },
    },
    post: {
      operationId: 'saveUserPolicy',
      tags: ['UserPolicyFormService'],
      description:
        'Creates the policy of a user, or changes the fields of it that are sent; one that is null is removed. What the ' +
        'form cannot show is kept, and named in notShown. Cents may be numbers.',
      parameters: [
        orgId,
        query('validateOnly', { type: 'boolean' }, 'Write nothing, and answer what would be.'),
        header(
          'If-Match',
          'The etag of the policy that was read, in quotes; `"0"` where there was none.',
        ),
        header('Idempotency-Key', 'Names this change: a repeat is answered as the first time.'),
      ],
      requestBody: {
        required: true,
        content: {
          'application/json': { schema: { $ref: '#/components/schemas/UserPolicySaved' } },
        },
      },
      responses: {
        '200': {
          description: 'The form as it is now.',
          headers: etag,
          content: { 'application/json': { schema: answer() } },
        },
        '412': { ...problem('If-Match does not name the current etag.'), headers: etag },
        ...problems(),
      },
    },
  },
};

/** The schemas that only this path has. */
export const userPolicySchemas: Readonly<Record<string, Schema>> = {
  UserPolicySaved: {
    type: 'object',
    required: ['userId'],
    description: `The fields of ${form} that are to change, and why.`,
    properties: {
      userId: { type: 'string' },
      ...Object.fromEntries(
        ['dailyCostLimitCents', 'monthlyCostLimitCents'].map((name) => [
          name,
          { type: ['string', 'number', 'null'], description: 'Cents, with at most 7 decimals.' },
        ]),
      ),
      ...Object.fromEntries(
        [
          'dailyTokenLimit',
          'monthlyTokenLimit',
          'requestsPerMinute',
          'requestsPerHour',
          'requestsPerDay',
        ].map((name) => [name, { type: ['string', 'integer', 'null'] }]),
      ),
      allowedModels: { type: ['array', 'null'], items: { type: 'string' } },
      blockedModels: { type: ['array', 'null'], items: { type: 'string' } },
      maxModelTier: { type: ['integer', 'null'] },
      bypassCostLimits: { type: ['boolean', 'null'] },
      bypassRateLimits: { type: ['boolean', 'null'] },
      bypassModelRestrictions: { type: ['boolean', 'null'] },
      notes: { type: ['string', 'null'] },
      reason: { type: 'string', description: 'Why, for the history.' },
    },
  },
  Problem: {
    type: 'object',
    description: 'A problem (RFC 9457). `reason` is one of tollgate.v1.ErrorReason.',
    required: ['type', 'title', 'status', 'detail', 'reason'],
    properties: {
      type: { type: 'string' },
      title: { type: 'string' },
      status: { type: 'integer' },
      detail: { type: 'string' },
      reason: { type: 'string' },
      errors: {
        type: 'array',
        items: {
          type: 'object',
          properties: { field: { type: 'string' }, detail: { type: 'string' } },
        },
      },
    },
  },
};

function page(): Schema {
  return {
    type: 'object',
    required: ['userPolicies', 'nextPageToken'],
    properties: {
      userPolicies: { type: 'array', items: { $ref: `#/components/schemas/${form}` } },
      nextPageToken: { type: 'string', description: 'Empty: this is the last page.' },
    },
  };
}

function answer(): Schema {
  return {
    type: 'object',
    description: `${form}, and the revision of the policy.`,
    required: ['userId', 'etag', 'revision'],
    properties: {
      userId: { type: 'string' },
      etag: { type: 'string' },
      revision: { type: 'string' },
    },
  };
}

function header(name: string, description: string): Schema {
  return { name, in: 'header', description, schema: { type: 'string' } };
}

function problem(description: string): Schema {
  const schema = { $ref: '#/components/schemas/Problem' };
  return { description, content: { 'application/problem+json': { schema } } };
}

function problems(): Readonly<Record<string, Schema>> {
  return Object.fromEntries(
    Object.entries(errorResponses).map(([status, { description }]) => [
      status,
      problem(String(description)),
    ]),
  );
}
