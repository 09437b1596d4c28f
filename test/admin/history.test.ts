import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { HistoryService } from '../../gen/tollgate/admin/v1/history_pb.ts';
import { plainOrganization, anyChange } from '../support/organization.ts';
import { callGrpc } from '../support/admin-grpc.ts';
import { startAdminPlane } from '../support/admin-plane.ts';
import type { AdminPlane, Json } from '../support/admin-plane.ts';

let plane: AdminPlane;
let count = 0;
let orgId = '';
beforeAll(async () => {
  plane = await startAdminPlane();
  await plane.store.createOrganization(plainOrganization('acme'), anyChange);
});
afterAll(() => plane.stop());
beforeEach(async () => {
  count += 1;
  orgId = `org${count}`;
  await plane.store.createOrganization(plainOrganization(orgId), anyChange);
});

async function made(rpc: string, message: Json, secret?: string): Promise<Json> {
  const { code, body } = await plane.call(rpc, { orgId, ...message }, secret);
  if (code !== 'OK') throw new Error(JSON.stringify(body));
  return body;
}

const list = async (request: Json): Promise<readonly Json[]> => {
  const { revisions } = await made('HistoryService/ListRevisions', request);
  return (revisions ?? []) as readonly Json[];
};

// Planted: with the account's name replaced by `root`, the second actor is wrong.
test('a record has a revision for every change of it: who, why, when and what', async () => {
  const rpc = 'DirectoryService';
  const of = { orgId: 'acme' };
  await made(`${rpc}/CreateUser`, { ...of, user: { id: 'alice', tier: 'free' }, reason: 'hired' });
  const update = { user: { id: 'alice', tier: 'pro' }, updateMask: 'tier', reason: 'promoted' };
  await made(`${rpc}/UpdateUser`, { ...of, ...update }, 'acme');
  await made(`${rpc}/CreateUser`, { ...of, user: { id: 'bob' } });
  await made(`${rpc}/DeleteUser`, { ...of, id: 'alice', reason: 'left' });
  await made(`${rpc}/CreateUser`, { ...of, user: { id: 'alice' }, reason: 'is back' });

  const same = { kind: 'RECORD_KIND_USER', id: 'alice', createTime: '2026-03-10T09:00:00Z' };
  const user = { id: 'alice', state: 'SUBJECT_STATE_ACTIVE' };
  const revisions = [
    { ...same, revision: '4', reason: 'is back', actor: 'root', user: { ...user, etag: '4' } },
    {
      ...same,
      revision: '3',
      deleted: true,
      reason: 'left',
      actor: 'root',
      user: { ...user, tier: 'pro', etag: '3' },
    },
    {
      ...same,
      revision: '2',
      reason: 'promoted',
      actor: 'acme-admin',
      user: { ...user, tier: 'pro', etag: '2' },
    },
    {
      ...same,
      revision: '1',
      reason: 'hired',
      actor: 'root',
      user: { ...user, tier: 'free', etag: '1' },
    },
  ];
  const request = { orgId: 'acme', kind: 'RECORD_KIND_USER', id: 'alice' };
  expect(await list(request)).toEqual(revisions);
  const { body } = await callGrpc(plane.url, HistoryService, 'ListRevisions', request);
  expect(body).toEqual({ revisions });
});

test('the organization itself has revisions', async () => {
  const organization = { id: orgId, timeZone: 'Europe/Berlin', defaultOutputTokens: '7' };
  await made('OrganizationService/UpdateOrganization', { organization, orgId: undefined });
  const [newest, first] = await list({ kind: 'RECORD_KIND_ORGANIZATION' });
  expect(newest).toMatchObject({ id: orgId, revision: '2', actor: 'root', organization });
  expect(newest).toMatchObject({ organization: { etag: '2' } });
  expect(first).toMatchObject({ revision: '1', actor: 'test', organization: { timeZone: 'UTC' } });
});

test('all of an organization is listed, newest first, by pages that no change shifts', async () => {
  const price = {
    scope: 'PRICE_SCOPE_MODEL',
    subject: 'm',
    unit: 'PRICE_UNIT_PER_1M_TOKENS',
    rates: [{ input: '1' }],
  };
  await made('DirectoryService/CreateUser', { user: { id: 'alice' } });
  await made('PolicyService/UpdatePolicy', { policy: { subject: 'user:alice' }, reason: 'agreed' });
  await made('CatalogService/AppendPrices', { prices: [price] });
  await made('CatalogService/AppendPrices', { prices: [price, { ...price, subject: 'n' }] });
  await made('DirectoryService/DeleteUser', { id: 'alice' });

  const all = await list({});
  const said = all.map(({ kind, id, revision, deleted = false }) => [kind, id, revision, deleted]);
  expect(said).toEqual([
    ['RECORD_KIND_POLICY', 'user:alice', '2', true],
    ['RECORD_KIND_USER', 'alice', '2', true],
    ['RECORD_KIND_PRICE', '2 prices', undefined, false],
    ['RECORD_KIND_PRICE', 'MODEL m', undefined, false],
    ['RECORD_KIND_POLICY', 'user:alice', '1', false],
    ['RECORD_KIND_USER', 'alice', '1', false],
    ['RECORD_KIND_ORGANIZATION', orgId, '1', false],
  ]);
  const paged: Json[] = [];
  let pageToken: unknown = '';
  while (pageToken !== undefined) {
    const page = { pageSize: 1, pageToken };
    const { revisions, nextPageToken } = await made('HistoryService/ListRevisions', page);
    paged.push(...(revisions as readonly Json[]));
    pageToken = nextPageToken;
    await made('DirectoryService/CreateApp', { app: { id: `app${paged.length}` } });
  }
  expect(paged).toEqual(all);
});

test('a key shows who revoked it, and no secret', async () => {
  const { secret } = await made('CredentialService/CreateKey', { key: { id: 'k' } });
  await made('CredentialService/RevokeKey', { id: 'k', reason: 'leaked' });
  const revisions = await list({ kind: 'RECORD_KIND_KEY', id: 'k' });
  expect(revisions).toMatchObject([
    { reason: 'leaked', actor: 'root', key: { state: 'CREDENTIAL_STATE_REVOKED' } },
    { key: { state: 'CREDENTIAL_STATE_ACTIVE', lastFour: String(secret).slice(-4) } },
  ]);
  expect(JSON.stringify(revisions)).not.toContain(secret);
});

const kinds = [
  ['DirectoryService', 'Team', 'team', 'TEAM', {}],
  ['DirectoryService', 'Principal', 'principal', 'PRINCIPAL', { kind: 'PRINCIPAL_KIND_AGENT' }],
  ['DirectoryService', 'App', 'app', 'APP', {}],
  ['DirectoryService', 'Customer', 'customer', 'CUSTOMER', {}],
  ['CredentialService', 'Token', 'token', 'TOKEN', { user: 'alice' }],
  ['CatalogService', 'Model', 'model', 'MODEL', { contextWindow: '9223372036854775807' }],
  ['CatalogService', 'RouteGroup', 'routeGroup', 'ROUTE_GROUP', { members: ['m'] }],
  ['CatalogService', 'ModelGroup', 'modelGroup', 'MODEL_GROUP', { description: 'few' }],
] as const;
test.each(kinds)('%s keeps the history of a %s', async (service, kind, field, name, more) => {
  await made('CatalogService/CreateModel', { model: { id: 'm' } });
  const record = { id: 'one', displayName: 'One', ...more };
  await made(`${service}/Create${kind}`, { [field]: record, reason: 'new' });
  await made(`${service}/Update${kind}`, { [field]: { id: 'one', displayName: 'Two' } });
  expect(await list({ kind: `RECORD_KIND_${name}`, id: 'one' })).toMatchObject([
    { revision: '2', [field]: { ...record, displayName: 'Two', etag: '2' } },
    { revision: '1', reason: 'new', [field]: { ...record, etag: '1' } },
  ]);
});

test('changes that were refused, rehearsed or repeated have no revision', async () => {
  const rpc = 'DirectoryService/CreateUser';
  const user = { id: 'alice' };
  await made(rpc, { user, requestId: 'r' });
  await made(rpc, { user, requestId: 'r' });
  await made(rpc, { user: { id: 'bob' }, validateOnly: true });
  await plane.call(rpc, { orgId, user });
  expect(await list({})).toHaveLength(2);
  expect(await list({ kind: 'RECORD_KIND_USER', id: 'bob' })).toEqual([]);
});

// Planted: without the weight of the page, the revisions that did not fit are lost.
test('a page of long records has fewer of them, and none is lost', async () => {
  const members = Array.from({ length: 64 }, (_, index) => `m${index}-${'\u{1f512}'.repeat(190)}`);
  for (const id of members) {
    await plane.store.put(
      orgId,
      'model',
      {
        id,
        displayName: '',
        state: 'ACTIVE',
        provider: undefined,
        tierRank: undefined,
        groups: [],
        defaultOutputTokens: undefined,
        contextWindow: undefined,
      },
      anyChange,
    );
  }
  const group = { id: 'g', displayName: '', members };
  for (let index = 0; index < 40; index += 1) {
    await plane.store.put(orgId, 'route_group', group, anyChange);
  }
  const pages: number[] = [];
  let pageToken: unknown = '';
  while (pageToken !== undefined) {
    const request = { kind: 'RECORD_KIND_ROUTE_GROUP', id: 'g', pageSize: 1000, pageToken };
    const { revisions, nextPageToken } = await made('HistoryService/ListRevisions', request);
    pages.push((revisions as readonly Json[]).length);
    pageToken = nextPageToken;
  }
  expect(pages.reduce((sum, one) => sum + one, 0)).toBe(40);
  expect(Math.max(...pages)).toBeLessThan(30);
});
