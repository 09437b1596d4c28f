import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { plainOrganization, anyChange } from '../support/organization.ts';
import { DirectoryService } from '../../gen/tollgate/admin/v1/directory_pb.ts';
import { callGrpc } from '../support/admin-grpc.ts';
import { startAdminPlane } from '../support/admin-plane.ts';
import type { AdminPlane, Json } from '../support/admin-plane.ts';

let plane: AdminPlane;
let count = 0;
let orgId = '';
beforeAll(async () => {
  plane = await startAdminPlane();
});
afterAll(() => plane.stop());
beforeEach(async () => {
  count += 1;
  orgId = `org${count}`;
  await plane.store.createOrganization(plainOrganization(orgId), anyChange);
});

const call = (rpc: string, message: Json) => plane.call(rpc, { orgId, ...message });

async function made(rpc: string, message: Json): Promise<Json> {
  const { code, body } = await call(rpc, message);
  if (code !== 'OK') throw new Error(JSON.stringify(body));
  return body;
}

const kinds = [
  ['DirectoryService', 'Team', 'team', 'TEAM'],
  ['DirectoryService', 'User', 'user', 'USER'],
  ['DirectoryService', 'Principal', 'principal', 'PRINCIPAL'],
  ['DirectoryService', 'App', 'app', 'APP'],
  ['DirectoryService', 'Customer', 'customer', 'CUSTOMER'],
  ['CatalogService', 'Model', 'model', 'MODEL'],
  ['CatalogService', 'RouteGroup', 'routeGroup', 'ROUTE_GROUP'],
  ['CatalogService', 'ModelGroup', 'modelGroup', 'MODEL_GROUP'],
] as const;

// Planted: with the row of the record deleted, instead of marked, the record made again has the etag 1.
test.each(kinds)(
  '%s deletes a %s, and one of the same id is another',
  async (service, kind, field, noun) => {
    await made('CatalogService/CreateModel', { model: { id: 'member' } });
    const record = {
      id: 'one',
      displayName: 'One',
      ...(kind === 'RouteGroup' ? { members: ['member'] } : {}),
    };
    const first = await made(`${service}/Create${kind}`, { [field]: record });
    const request = { id: 'one', etag: '1', reason: 'gone', requestId: 'd' };

    const stale = await call(`${service}/Delete${kind}`, { ...request, etag: '7' });
    const preview = await made(`${service}/Delete${kind}`, { ...request, validateOnly: true });
    expect(stale).toMatchObject({ code: 'ABORTED', reason: 'ETAG_MISMATCH' });
    expect((await call(`${service}/Get${kind}`, { id: 'one' })).code).toBe('OK');

    const deleted = await made(`${service}/Delete${kind}`, request);
    expect([deleted, preview]).toEqual([first, first]);
    const missing = { code: 'NOT_FOUND', reason: `${noun}_NOT_FOUND` };
    expect(await call(`${service}/Get${kind}`, { id: 'one' })).toMatchObject(missing);
    expect(await call(`${service}/Delete${kind}`, { id: 'one' })).toMatchObject(missing);
    const update = { [field]: { ...record, etag: '1' } };
    expect(await call(`${service}/Update${kind}`, update)).toMatchObject(missing);
    const text = service === 'CatalogService' ? 'contains' : 'search';
    const listed = await made(`${service}/List${kind}s`, { [text]: 'one' });
    expect(listed).toEqual({});
    if (kind !== 'ModelGroup') {
      const batch = await made(`${service}/BatchGet${kind}s`, { ids: ['one'] });
      expect(batch).toEqual({ missingIds: ['one'] });
    }
    // A repeat is answered as before, and does not delete what was made since.
    const again = await made(`${service}/Create${kind}`, {
      [field]: { ...record, displayName: 'Two' },
    });
    expect(again[field]).toMatchObject({ displayName: 'Two', etag: '3' });
    expect(await made(`${service}/Delete${kind}`, request)).toEqual(deleted);
    expect((await made(`${service}/Get${kind}`, { id: 'one' }))[field]).toMatchObject({
      etag: '3',
    });
  },
);

test('a deleted record is created again by an update that may create it', async () => {
  await made('DirectoryService/CreateUser', { user: { id: 'alice', tier: 'pro' } });
  await made('DirectoryService/DeleteUser', { id: 'alice' });
  const request = { user: { id: 'alice', displayName: 'A.' }, updateMask: 'displayName' };
  const { user } = await made('DirectoryService/UpdateUser', { ...request, allowMissing: true });
  expect(user).toMatchObject({ displayName: 'A.', etag: '3' });
  expect((user as Json)['tier']).toBeUndefined();
});

// Planted: without the search for references, the team is deleted under all of these.
test('a team is not deleted while others name it, and the error names them', async () => {
  await made('DirectoryService/CreateTeam', { team: { id: 'red' } });
  await made('DirectoryService/CreateTeam', { team: { id: 'pink', parent: 'red' } });
  await made('DirectoryService/CreateUser', { user: { id: 'alice', teams: ['red'] } });
  await made('CredentialService/CreateKey', { key: { id: 'k', team: 'red' } });
  await made('CredentialService/CreateToken', { token: { id: 't', team: 'red' } });
  const deletion = { id: 'red', requestId: 'd' };
  const refused = await call('DirectoryService/DeleteTeam', deletion);
  expect(refused).toMatchObject({
    status: 400,
    code: 'FAILED_PRECONDITION',
    reason: 'RECORD_IN_USE',
    preconditions: [
      'REFERENCE team:pink names it in parent',
      'REFERENCE user:alice names it in teams',
      'REFERENCE key:k names it in team',
      'REFERENCE token:t names it in team',
    ],
  });
  const overGrpc = await callGrpc(plane.url, DirectoryService, 'DeleteTeam', { orgId, id: 'red' });
  const { code, reason, preconditions } = refused;
  expect(overGrpc).toMatchObject({ code, reason, preconditions });
  const preview = await call('DirectoryService/DeleteTeam', { id: 'red', validateOnly: true });
  expect(preview.reason).toBe('RECORD_IN_USE');
  await made('DirectoryService/DeleteTeam', { id: 'pink' });
  await made('DirectoryService/UpdateUser', { user: { id: 'alice' }, updateMask: 'teams' });
  await made('CredentialService/UpdateKey', { key: { id: 'k' }, updateMask: 'team' });
  // A revoked credential can no longer be changed, and is no reason to keep the team.
  await made('CredentialService/RevokeToken', { id: 't' });
  expect((await call('DirectoryService/DeleteTeam', deletion)).code).toBe('OK');
});

const references = [
  ['User', ['key user', 'token user']],
  ['Principal', ['key principal', 'token principal']],
  ['App', ['principal app', 'key app', 'token app']],
  ['Customer', ['key customer', 'token customer']],
] as const;
test.each(references)('a %s is not deleted while others name it', async (kind, named) => {
  const field = kind.toLowerCase();
  await made(`DirectoryService/Create${kind}`, { [field]: { id: 'one' } });
  if (kind === 'App') {
    await made('DirectoryService/CreatePrincipal', { principal: { id: 'p', app: 'one' } });
  }
  await made('CredentialService/CreateKey', { key: { id: 'p', [field]: 'one' } });
  await made('CredentialService/CreateToken', { token: { id: 'p', [field]: 'one' } });
  // Others of the kind, and of the same name in another organization, are no references.
  await made(`DirectoryService/Create${kind}`, { [field]: { id: 'two' } });
  const { preconditions } = await call(`DirectoryService/Delete${kind}`, { id: 'one' });
  expect(preconditions).toEqual(
    named.map((one) => one.replace(/(\w+) (\w+)/, 'REFERENCE $1:p names it in $2')),
  );
  expect((await call(`DirectoryService/Delete${kind}`, { id: 'two' })).code).toBe('OK');
});

test('a model is not deleted while a route group has it, a route group always is', async () => {
  await made('CatalogService/CreateModel', { model: { id: 'a' } });
  await made('CatalogService/CreateRouteGroup', { routeGroup: { id: 'g', members: ['a'] } });
  const refused = await call('CatalogService/DeleteModel', { id: 'a' });
  expect(refused.preconditions).toEqual(['REFERENCE route_group:g names it in members']);
  await made('CatalogService/DeleteRouteGroup', { id: 'g' });
  await made('CatalogService/DeleteModel', { id: 'a' });
  // Their common name space is free again, for either.
  await made('CatalogService/CreateModel', { model: { id: 'g' } });
});

// Planted: without the cut to twenty, 21 are named.
test('of many references the first twenty are named', async () => {
  await made('DirectoryService/CreateTeam', { team: { id: 'red' } });
  for (let index = 10; index < 35; index += 1) {
    await plane.store.put(
      orgId,
      'team',
      { id: `t${index}`, displayName: '', parent: 'red', state: 'ACTIVE' },
      anyChange,
    );
  }
  const { preconditions, body } = await call('DirectoryService/DeleteTeam', { id: 'red' });
  expect(preconditions).toHaveLength(20);
  expect(preconditions.at(-1)).toBe('REFERENCE team:t29 names it in parent');
  expect(body['message']).toMatch(/team:t29 and more/);
});

const limit = { name: 'cap', metric: 'METRIC_REQUESTS', window: 'WINDOW_DAY', amount: '5' };

// Planted: without the deletion of the policy on it, the second alice is unlimited as the first was.
test('the policy on a record goes with it, in one change, and its revisions stay', async () => {
  const subject = 'user:alice';
  await made('DirectoryService/CreateUser', { user: { id: 'alice' } });
  const bypass = { cost: true };
  await made('PolicyService/UpdatePolicy', { policy: { subject, bypass, notes: 'a friend' } });
  await made('DirectoryService/DeleteUser', { id: 'alice', reason: 'left' });
  await made('DirectoryService/CreateUser', { user: { id: 'alice' } });
  expect((await call('PolicyService/GetPolicy', { subject })).reason).toBe('POLICY_NOT_FOUND');
  expect(await made('PolicyService/ListPolicies', {})).toEqual({});
  const { revisions } = await made('PolicyService/ListPolicyRevisions', { subject });
  expect(revisions).toMatchObject([
    { revision: '2', deleted: true, reason: 'left', actor: 'root', policy: { subject } },
    { revision: '1', policy: { bypass, notes: 'a friend' } },
  ]);
});

test('a policy is deleted by a revision, and the next one counts on', async () => {
  const subject = 'org';
  const put = (more: Json = {}) =>
    made('PolicyService/UpdatePolicy', { policy: { subject, limits: [limit] }, ...more });
  await put();
  const request = { subject, etag: '1', reason: 'enough', requestId: 'd' };
  const stale = await call('PolicyService/DeletePolicy', { ...request, etag: '9' });
  const preview = await made('PolicyService/DeletePolicy', { ...request, validateOnly: true });
  const deleted = await made('PolicyService/DeletePolicy', request);
  expect(stale).toMatchObject({ code: 'ABORTED', reason: 'ETAG_MISMATCH' });
  expect(deleted).toEqual(preview);
  expect(deleted['revision']).toMatchObject({ revision: '2', deleted: true, reason: 'enough' });
  expect(await made('PolicyService/DeletePolicy', request)).toEqual(deleted);

  const gone = { code: 'NOT_FOUND', reason: 'POLICY_NOT_FOUND' };
  expect(await call('PolicyService/GetPolicy', { subject })).toMatchObject(gone);
  expect(await call('PolicyService/DeletePolicy', { subject })).toMatchObject(gone);
  const revoked = await call('PolicyService/RevokeLimit', { subject, name: 'cap' });
  expect(revoked.reason).toBe('LIMIT_NOT_FOUND');
  const old = await call('PolicyService/UpdatePolicy', { policy: { subject, etag: '2' } });
  expect(old.reason).toBe('ETAG_MISMATCH');
  const { revision } = deleted;
  const read = await made('PolicyService/GetPolicy', { subject, revision: 2 });
  expect(read).toEqual({ revision });
  expect((await put())['revision']).toMatchObject({ revision: '3', policy: { etag: '3' } });
  expect(await made('PolicyService/GetPolicy', { subject })).toMatchObject({
    revision: { revision: '3' },
  });
});

test('a policy on a deleted team cannot be put', async () => {
  await made('DirectoryService/CreateTeam', { team: { id: 'red' } });
  await made('DirectoryService/DeleteTeam', { id: 'red' });
  const put = await call('PolicyService/UpdatePolicy', { policy: { subject: 'team:red' } });
  const user = await call('DirectoryService/CreateUser', { user: { id: 'a', teams: ['red'] } });
  const below = await call('DirectoryService/CreateTeam', { team: { id: 'b', parent: 'red' } });
  expect([put.fields, user.fields, below.fields]).toEqual([
    ['policy.subject'],
    ['user.teams'],
    ['team.parent'],
  ]);
});

test('of a deletion and a reference made at once, one is refused', async () => {
  for (let round = 0; round < 10; round += 1) {
    const id = `red${round}`;
    await made('DirectoryService/CreateTeam', { team: { id } });
    const answers = await Promise.all([
      call('DirectoryService/DeleteTeam', { id }),
      call('DirectoryService/CreateUser', { user: { id: `u${round}`, teams: [id] } }),
    ]);
    const reasons = answers.map(({ code, reason }) => (code === 'OK' ? 'OK' : reason));
    expect([
      ['OK', 'FIELD_INVALID'],
      ['RECORD_IN_USE', 'OK'],
    ]).toContainEqual(reasons);
  }
});

test('of two administrators that delete the same record, one does, and the epoch steps once', async () => {
  await made('DirectoryService/CreateApp', { app: { id: 'shop' } });
  const answers = await Promise.all(
    ['a', 'b'].map((requestId) =>
      call('DirectoryService/DeleteApp', { id: 'shop', etag: '1', requestId }),
    ),
  );
  const { rows } = await plane.database.pool.query<{ epoch: string }>(
    'SELECT epoch FROM org WHERE org_id = $1',
    [orgId],
  );
  expect(answers.map(({ code }) => code).toSorted()).toEqual(['NOT_FOUND', 'OK']);
  expect(rows).toEqual([{ epoch: '3' }]);
});
