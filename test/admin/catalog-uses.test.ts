import { afterAll, beforeAll, expect, test } from 'vitest';
import { CatalogService } from '../../gen/tollgate/admin/v1/catalog_pb.ts';
import { limit, policy } from '../policies/builders.ts';
import { callGrpc } from '../support/admin-grpc.ts';
import { startAdminPlane } from '../support/admin-plane.ts';
import type { AdminPlane, Answer, Json } from '../support/admin-plane.ts';
import { anyChange, plainOrganization } from '../support/organization.ts';

let plane: AdminPlane;
beforeAll(async () => {
  plane = await startAdminPlane();
  for (const id of ['acme', 'globex', 'plain']) {
    await plane.store.createOrganization(plainOrganization(id), anyChange);
  }
  await plane.store.createOrganization(plainOrganization('zeta', { catalog: 'OWN' }), anyChange);
  await put({ platform: true }, 'Model', { id: 'm', provider: 'openai', groups: ['fast'] });
  await put({ platform: true }, 'Model', { id: 'other' });
  await put({ platform: true }, 'RouteGroup', { id: 'shared', members: ['m', 'other'] });
  await put({ orgId: 'acme' }, 'RouteGroup', { id: 'chat', members: ['m'] });
  await append({ platform: true }, price('MODEL', 'm', '1'), price('MODEL', 'm', '2'));
  await append(
    { orgId: 'acme' },
    price('MODEL', 'm', '3'),
    price('PROVIDER_MODEL', 'azure:m', '4'),
  );
  await append({ orgId: 'acme' }, price('MODEL', 'n', '5'), price('PROVIDER_MODEL', 'x:n:m', '6'));
  await call('RevokePrice', { ...seriesOf('MODEL', 'n'), orgId: 'acme', revision: '1' });
});
afterAll(() => plane.stop());

const call = (rpc: string, message: Json, secret?: string): Promise<Answer> =>
  plane.call(`CatalogService/${rpc}`, message, secret);

async function put(owner: Json, kind: 'Model' | 'RouteGroup', record: Json): Promise<void> {
  const field = kind === 'Model' ? 'model' : 'routeGroup';
  expect((await call(`Create${kind}`, { ...owner, [field]: record })).code).toBe('OK');
}

const seriesOf = (scope: string, subject: string): Json => ({
  scope: `PRICE_SCOPE_${scope}`,
  subject,
});
const price = (scope: string, subject: string, input: string): Json => ({
  ...seriesOf(scope, subject),
  unit: 'PRICE_UNIT_PER_1M_TOKENS',
  rates: [{ input }],
});
async function append(owner: Json, ...prices: readonly Json[]): Promise<void> {
  expect((await call('AppendPrices', { ...owner, prices })).code).toBe('OK');
}

/** All of a list, page by page; no more pages than there can be. */
async function pages(rpc: string, list: string, request: Json): Promise<readonly Json[]> {
  const all: Json[] = [];
  let pageToken = '';
  for (let page = 0; page < 100; page += 1) {
    const { body, code } = await call(rpc, { ...request, pageToken });
    expect(code).toBe('OK');
    all.push(...((body[list] ?? []) as readonly Json[]));
    pageToken = (body['nextPageToken'] as string | undefined) ?? '';
    if (pageToken === '') return all;
  }
  throw new Error('the list does not end');
}

const inShort = ({ scope, subject, revision, source, revokeTime }: Json): string =>
  [source, scope, subject, revision, ...(revokeTime === undefined ? [] : ['revoked'])]
    .join(' ')
    .replaceAll(/(?:CATALOG_SOURCE|PRICE_SCOPE)_/g, '');

// Planted, and seen red: with `beforeAll` and `afterAll` of `startOf` exchanged, prices are listed twice.
test.each([1, 2, 3, 1000])(
  'prices are listed own ones first in each series, %i on a page',
  async (pageSize) => {
    const listed = await pages('ListPrices', 'prices', { orgId: 'acme', pageSize });
    expect(listed.map(inShort)).toEqual([
      'OWN MODEL m 1',
      'PLATFORM MODEL m 1',
      'PLATFORM MODEL m 2',
      'OWN MODEL n 1 revoked',
      'OWN PROVIDER_MODEL azure:m 1',
      'OWN PROVIDER_MODEL x:n:m 1',
    ]);
  },
);

test.each([
  [{ scope: 'PRICE_SCOPE_MODEL', subject: 'm' }, 3],
  [{ subject: 'azure:m' }, 1],
  [{ subject: 'azure' }, 0],
  [{ state: 'PRICE_STATE_REVOKED' }, 1],
  [{ state: 'PRICE_STATE_ACTIVE' }, 5],
  [{ source: 'CATALOG_SOURCE_OWN' }, 4],
  [{ source: 'CATALOG_SOURCE_PLATFORM', state: 'PRICE_STATE_REVOKED' }, 0],
  [{ contains: 'AZURE' }, 1],
])('prices are listed by %o', async (filter, count) => {
  const listed = await pages('ListPrices', 'prices', { orgId: 'acme', ...filter });
  expect(listed).toHaveLength(count);
  const grpc = await callGrpc(plane.url, CatalogService, 'ListPrices', {
    orgId: 'acme',
    ...filter,
  });
  expect((grpc.body['prices'] as readonly Json[] | undefined) ?? []).toEqual(listed);
});

test('prices of the platform have no own ones, and an organization that does not inherit has none of them', async () => {
  const none = await pages('ListPrices', 'prices', {
    platform: true,
    source: 'CATALOG_SOURCE_OWN',
  });
  expect(none).toEqual([]);
  expect(await pages('ListPrices', 'prices', { platform: true })).toHaveLength(2);
  expect(await pages('ListPrices', 'prices', { orgId: 'zeta' })).toEqual([]);
  const token = (await call('ListPrices', { orgId: 'acme', pageSize: 1 })).body['nextPageToken'];
  const other = { orgId: 'acme', pageSize: 1, subject: 'm', pageToken: token };
  expect((await call('ListPrices', other)).fields).toEqual(['page_token']);
});

const user = (id: string) => ({ kind: 'user', id }) as const;
const use = ({ kind, name, entry, limit: of, source, price: at }: Json): string =>
  [kind, source, name, of, entry, at === undefined ? undefined : inShort(at as Json)]
    .filter((part) => part !== undefined && part !== '')
    .join(' ')
    .replaceAll(/(?:CATALOG_SOURCE|MODEL_USE_KIND)_/g, '');

test.each([1, 2, 1000])('the uses of a model are listed, %i on a page', async (pageSize) => {
  const access = {
    allow: ['m', 'group:fast', 'x*'],
    deny: ['*'],
    maxTier: undefined,
    mode: 'NARROW',
  } as const;
  await plane.store.putPolicy('acme', { ...policy(user('alice'), []), access }, anyChange);
  const narrow = limit('narrow', { targets: ['*m', 'n'] });
  await plane.store.putPolicy('acme', policy(user('bob'), [limit('all'), narrow]), anyChange);
  await plane.store.putPolicy('acme', policy(user('carl'), [limit('all')]), anyChange);
  const listed = await pages('ListModelUses', 'uses', { orgId: 'acme', id: 'm', pageSize });
  expect(listed.map(use)).toEqual([
    'ROUTE_GROUP OWN chat',
    'ROUTE_GROUP PLATFORM shared',
    'PRICE OWN OWN MODEL m 1',
    'PRICE PLATFORM PLATFORM MODEL m 1',
    'PRICE PLATFORM PLATFORM MODEL m 2',
    'PRICE OWN OWN PROVIDER_MODEL azure:m 1',
    'ALLOW user:alice m',
    'ALLOW user:alice group:fast',
    'DENY user:alice *',
    'LIMIT user:bob narrow *m',
  ]);
  const shared = await pages('ListModelUses', 'uses', { platform: true, id: 'm', pageSize });
  expect(shared.map(use)).toEqual([
    'ROUTE_GROUP PLATFORM shared',
    'PRICE PLATFORM PLATFORM MODEL m 1',
    'PRICE PLATFORM PLATFORM MODEL m 2',
  ]);
  expect((await call('ListModelUses', { orgId: 'acme' })).fields).toEqual(['id']);
  expect((await call('ListModelUses', { orgId: 'nobody', id: 'm' })).code).toBe('NOT_FOUND');
});

// Planted: with the search ended after one scan of policies, the last of them is not found.
test('a use behind thousands of policies that do not name the model is found', async () => {
  const access = { allow: ['else'], deny: [], mode: 'NARROW' };
  await plane.database.pool.query(
    `INSERT INTO policy_revision (org_id, subject_kind, subject_id, revision, newest, doc, reason, actor, epoch, at)
SELECT 'globex', 'user', 'u' || i, 1, true, $1, '', '', 1, now() FROM generate_series(1, 5000) AS i`,
    [JSON.stringify({ form: 1, limits: [], access, subject: user('u'), revision: 1, notes: '' })],
  );
  const named = { ...access, allow: ['far'], maxTier: undefined, mode: 'NARROW' } as const;
  await plane.store.putPolicy('globex', { ...policy(user('v'), []), access: named }, anyChange);
  const first = await call('ListModelUses', { orgId: 'globex', id: 'far' });
  expect(first.body['uses'] ?? []).toEqual([]);
  expect(first.body['nextPageToken']).not.toBe('');
  const all = await pages('ListModelUses', 'uses', { orgId: 'globex', id: 'far' });
  expect(all.map(use)).toEqual(['ALLOW user:v far']);
  await plane.database.pool.query('ANALYZE policy_revision');
  const { rows } = await plane.database.pool.query<{ 'QUERY PLAN': string }>(
    `EXPLAIN SELECT subject_kind, subject_id, doc FROM policy_revision
WHERE org_id = 'globex' AND newest AND (doc ? 'access' OR doc @? '$.limits[*].targets[*]')
  AND (subject_kind, subject_id) > ('user', 'u4') ORDER BY subject_kind, subject_id LIMIT 100`,
  );
  const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
  expect(plan).toContain('policy_revision_targets');
  expect(plan).not.toContain('Sort');
});

// Planted: with names that the platform has counted as added.
test.each([1, 1000])('organizations that deviate are listed, %i on a page', async (pageSize) => {
  const request = { platform: undefined, pageSize };
  if (pageSize === 1) {
    await put({ orgId: 'globex' }, 'Model', { id: 'm' });
    await put({ orgId: 'globex' }, 'Model', { id: 'shared' });
    await put({ orgId: 'globex' }, 'Model', { id: 'mine' });
  }
  const { platform: _, ...asked } = request;
  expect(await pages('ListCatalogDeviations', 'deviations', asked)).toEqual([
    { orgId: 'acme', catalog: 'CATALOG_RULE_INHERIT', addedCount: 1, priceCount: 3 },
    {
      orgId: 'globex',
      catalog: 'CATALOG_RULE_INHERIT',
      replaced: ['m', 'shared'],
      replacedCount: 2,
      addedCount: 1,
    },
    { orgId: 'zeta', catalog: 'CATALOG_RULE_OWN' },
  ]);
  const named = await pages('ListCatalogDeviations', 'deviations', { ...asked, name: 'm' });
  expect(named).toMatchObject([
    { orgId: 'acme', priceCount: 2 },
    { orgId: 'globex', replaced: ['m'], replacedCount: 1 },
  ]);
  expect((await call('ListCatalogDeviations', {}, 'acme')).reason).toBe('ROLE_FORBIDDEN');
  expect((await call('ListCatalogDeviations', { name: 'a b' })).fields).toEqual(['name']);
});
