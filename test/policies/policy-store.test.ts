import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { PolicyStore } from '../../src/policies/policy-store.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';
import {
  change,
  freshId,
  key,
  limit,
  model,
  organization,
  policy,
  price,
  startMs,
  storeOn,
  team,
  user,
} from './builders.ts';

let database: TestDatabase;
let store: PolicyStore;
let org: string;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
  store = storeOn(database.pool);
  org = freshId('org');
  await store.createOrganization(organization(org), change);
});

const alice = { kind: 'user', id: 'alice' } as const;

async function epochOf(orgId: string): Promise<number> {
  const { rows } = await database.pool.query<{ epoch: string }>(
    'SELECT epoch FROM org WHERE org_id = $1',
    [orgId],
  );
  return Number(rows[0]?.epoch);
}

async function logOf(orgId: string): Promise<readonly unknown[]> {
  const { rows } = await database.pool.query(
    `SELECT epoch::integer, kind, subject, actor, reason FROM change_log
WHERE org_id = $1 ORDER BY epoch`,
    [orgId],
  );
  return rows;
}

test('every change steps the epoch by one and leaves one row in the log', async () => {
  await store.put(org, 'team', team('red'), change);
  await store.putPolicy(org, policy(alice, [limit('rpd')]), { ...change, reason: 'first' });
  await store.appendPrices(org, [price('MODEL', 'a'), price('MODEL', 'b')], change);
  expect(await epochOf(org)).toBe(4);
  expect(await logOf(org)).toEqual([
    { epoch: 1, kind: 'organization', subject: org, actor: 'tester', reason: 'because' },
    { epoch: 2, kind: 'team', subject: 'red', actor: 'tester', reason: 'because' },
    { epoch: 3, kind: 'policy', subject: 'user:alice', actor: 'tester', reason: 'first' },
    { epoch: 4, kind: 'price', subject: '2 prices', actor: 'tester', reason: 'because' },
  ]);
});

test('changes made at once each get an epoch of their own', async () => {
  const ids = Array.from({ length: 30 }, (_, index) => `u${index}`);
  await Promise.all(ids.map((id) => store.put(org, 'user', user(id), change)));
  expect(await epochOf(org)).toBe(31);
  expect(await logOf(org)).toHaveLength(31);
});

// Planted: without FOR UPDATE, this, the test above and the repeated request id below are red.
test('a change waits for whoever holds the lock of the organization', async () => {
  const holder = await database.pool.connect();
  await holder.query('BEGIN');
  await holder.query("SELECT 1 FROM meter WHERE org_id = $1 AND meter_id = 'org' FOR UPDATE", [
    org,
  ]);
  const put = store.put(org, 'user', user('alice'), change);
  try {
    await expect.poll(() => waiters()).toBe(1);
    expect(await epochOf(org)).toBe(1);
  } finally {
    await holder.query('COMMIT');
    holder.release();
  }
  await put;
  expect(await epochOf(org)).toBe(2);
});

async function waiters(): Promise<number> {
  const { rows } = await database.pool.query<{ count: string }>(
    `SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%FOR UPDATE'`,
  );
  return Number(rows[0]?.count);
}

test('an organization keeps every setting, to the last unit', async () => {
  const id = freshId('org');
  const wanted = organization(id, {
    displayName: 'Acme',
    state: 'SUSPENDED',
    calendar: { timeZone: 'Europe/Berlin', weekStart: 7, monthAnchorDay: 31 },
    unknownModels: 'DENY',
    unknownSubjects: 'DENY',
    unpriced: 'ZERO',
    onExpiry: 'CHARGE',
    onStoreFailure: 'ALLOW',
    storeContent: 'FULL',
    defaultOutputTokens: 9_007_199_254_740_993n,
  });
  await store.createOrganization(wanted, change);
  expect((await store.getOrganization(id)).record).toEqual(wanted);
});

test('an organization exists once', async () => {
  await expect(store.createOrganization(organization(org), change)).rejects.toMatchObject({
    kind: 'ALREADY_EXISTS',
    reason: 'ORGANIZATION_EXISTS',
  });
});

test('everything about an organization that is not there is NOT_FOUND', async () => {
  const absent = { kind: 'NOT_FOUND', reason: 'ORGANIZATION_NOT_FOUND' };
  const page = { size: 10, token: undefined };
  await expect(store.getOrganization('none')).rejects.toMatchObject(absent);
  await expect(store.updateOrganization(organization('none'), change)).rejects.toMatchObject(
    absent,
  );
  await expect(store.put('none', 'team', team('red'), change)).rejects.toMatchObject(absent);
  await expect(store.get('none', 'team', 'red')).rejects.toMatchObject(absent);
  await expect(store.list('none', 'team', page)).rejects.toMatchObject(absent);
  await expect(store.getPolicy('none', alice, undefined)).rejects.toMatchObject(absent);
  await expect(store.listPrices('none', page)).rejects.toMatchObject(absent);
});

test('a stale etag is refused, and nothing is written', async () => {
  const first = await store.put(org, 'user', user('alice'), change);
  const second = await store.put(org, 'user', user('alice', { tier: 'pro' }), {
    ...change,
    etag: first.etag,
  });
  const stale = { ...change, etag: first.etag };
  await expect(store.put(org, 'user', user('alice'), stale)).rejects.toMatchObject({
    kind: 'ABORTED',
    reason: 'ETAG_MISMATCH',
  });
  expect(await store.get(org, 'user', 'alice')).toEqual(second);
  expect(await epochOf(org)).toBe(3);
});

test('a stale etag of an organization or a policy is refused', async () => {
  const mismatch = { kind: 'ABORTED', reason: 'ETAG_MISMATCH' };
  const { etag } = await store.getOrganization(org);
  await store.updateOrganization(organization(org, { state: 'SUSPENDED' }), { ...change, etag });
  const again = store.updateOrganization(organization(org), { ...change, etag });
  await expect(again).rejects.toMatchObject(mismatch);
  const revision = await store.putPolicy(org, policy(alice), change);
  await store.putPolicy(org, policy(alice), { ...change, etag: revision.etag });
  const late = store.putPolicy(org, policy(alice), { ...change, etag: revision.etag });
  await expect(late).rejects.toMatchObject(mismatch);
});

test('the etag of an organization survives changes of what belongs to it', async () => {
  const { etag } = await store.getOrganization(org);
  await store.put(org, 'user', user('alice'), change);
  await store.updateOrganization(organization(org), { ...change, etag });
});

test('create refuses what exists and update what does not', async () => {
  const create = { ...change, exists: 'create' } as const;
  const update = { ...change, exists: 'update' } as const;
  await expect(store.put(org, 'user', user('alice'), update)).rejects.toMatchObject({
    kind: 'NOT_FOUND',
    reason: 'USER_NOT_FOUND',
  });
  await store.put(org, 'user', user('alice'), create);
  await store.put(org, 'user', user('alice'), update);
  await expect(store.put(org, 'user', user('alice'), create)).rejects.toMatchObject({
    kind: 'ALREADY_EXISTS',
    reason: 'USER_EXISTS',
  });
});

test('a repeated request id answers the first result and changes nothing more', async () => {
  const once = { ...change, requestId: 'r1' };
  const big = model('gpt', { defaultOutputTokens: 9_007_199_254_740_993n });
  const first = await store.put(org, 'model', big, once);
  await store.put(org, 'model', model('gpt'), change);
  expect(await store.put(org, 'model', big, once)).toEqual(first);
  expect(await epochOf(org)).toBe(3);
});

test('a request id repeated at once from many sides has one effect', async () => {
  const once = { ...change, requestId: 'r1' };
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => store.putPolicy(org, policy(alice, [limit('rpd')]), once)),
  );
  expect(new Set(answers.map((answer) => answer.policy.revision))).toEqual(new Set([1]));
  expect(await epochOf(org)).toBe(2);
});

test('a request id of another change is a conflict', async () => {
  const once = { ...change, requestId: 'r1' };
  await store.put(org, 'user', user('alice'), once);
  await expect(store.put(org, 'user', user('bob'), once)).rejects.toMatchObject({
    kind: 'ALREADY_EXISTS',
    reason: 'REQUEST_ID_CONFLICT',
  });
});

test('an organization is created once for one request id', async () => {
  const id = freshId('org');
  const once = { ...change, requestId: 'r1' };
  const [first, second] = await Promise.all([
    store.createOrganization(organization(id), once),
    store.createOrganization(organization(id), once),
  ]);
  expect(second).toEqual(first);
});

test('validating only says what would be and writes nothing', async () => {
  const only = { ...change, validateOnly: true, requestId: 'r1' };
  const would = await store.putPolicy(org, policy(alice, [limit('rpd')]), only);
  expect(would.policy.revision).toBe(1);
  await expect(store.getPolicy(org, alice, undefined)).rejects.toMatchObject({
    reason: 'POLICY_NOT_FOUND',
  });
  const stranger = user('bob', { teams: ['none'] });
  await expect(store.put(org, 'user', stranger, only)).rejects.toMatchObject({
    reason: 'FIELD_INVALID',
  });
  expect(await epochOf(org)).toBe(1);
  expect(await logOf(org)).toHaveLength(1);
});

test('a circle of teams is refused, naming the parent', async () => {
  await store.put(org, 'team', team('a'), change);
  await store.put(org, 'team', team('b', 'a'), change);
  await store.put(org, 'team', team('c', 'b'), change);
  const invalid = { reason: 'FIELD_INVALID', violations: [{ field: 'parent' }] };
  await expect(store.put(org, 'team', team('a', 'c'), change)).rejects.toMatchObject(invalid);
  await expect(store.put(org, 'team', team('d', 'd'), change)).rejects.toMatchObject(invalid);
  await expect(store.put(org, 'team', team('e', 'none'), change)).rejects.toMatchObject(invalid);
});

test('teams nest eight deep and no deeper, also when a tree is moved', async () => {
  const chain = Array.from({ length: 8 }, (_, index) => `t${index}`);
  for (const [index, id] of chain.entries()) {
    await store.put(org, 'team', team(id, chain[index - 1]), change);
  }
  const invalid = { reason: 'FIELD_INVALID', violations: [{ field: 'parent' }] };
  await expect(store.put(org, 'team', team('t8', 't7'), change)).rejects.toMatchObject(invalid);
  await store.put(org, 'team', team('root'), change);
  await expect(store.put(org, 'team', team('t0', 'root'), change)).rejects.toMatchObject(invalid);
  await store.put(org, 'team', team('t1', 'root'), change);
});

test('models and route groups share one name space, both ways', async () => {
  await store.put(org, 'model', model('gpt'), change);
  const group = { id: 'gpt', displayName: '', members: ['gpt'] };
  const taken = { kind: 'ALREADY_EXISTS', reason: 'TARGET_EXISTS' };
  await expect(store.put(org, 'route_group', group, change)).rejects.toMatchObject(taken);
  await store.put(org, 'route_group', { ...group, id: 'chat' }, change);
  await expect(store.put(org, 'model', model('chat'), change)).rejects.toMatchObject(taken);
});

test('references to what is not registered are refused, naming the field', async () => {
  const stranger = user('bob', { teams: ['none'] });
  await expect(store.put(org, 'user', stranger, change)).rejects.toMatchObject({
    violations: [{ field: 'teams' }],
  });
  const group = { id: 'chat', displayName: '', members: ['none'] };
  await expect(store.put(org, 'route_group', group, change)).rejects.toMatchObject({
    violations: [{ field: 'members' }],
  });
  for (const kind of ['team', 'key', 'token'] as const) {
    const put = store.putPolicy(org, policy({ kind, id: 'none' }), change);
    await expect(put).rejects.toMatchObject({ violations: [{ field: 'subject' }] });
  }
  for (const kind of ['user', 'principal', 'app', 'customer', 'tier', 'label'] as const) {
    await store.putPolicy(org, policy({ kind, id: 'a=b' }), change);
  }
});

test('policies are appended, and each revision stays as it was', async () => {
  const huge = 9_223_372_036_854_775_807n;
  await store.putPolicy(org, policy(alice, [limit('rpd', { amount: huge })]), change);
  await store.putPolicy(org, policy(alice, [limit('rpd', { amount: undefined })]), change);
  const first = await store.getPolicy(org, alice, 1);
  const newest = await store.getPolicy(org, alice, undefined);
  expect(first.policy.limits[0]?.amount).toBe(huge);
  expect(newest.policy).toMatchObject({ revision: 2, limits: [{ amount: undefined }] });
  const listed = await store.listPolicyRevisions(org, alice, { size: 10, token: undefined });
  expect(listed.items.map((item) => item.policy.revision)).toEqual([2, 1]);
});

test('taking a limit back appends a revision without it', async () => {
  await store.putPolicy(org, policy(alice, [limit('rpd'), limit('rpm')]), change);
  const revoked = await store.revokeLimit(org, alice, 'rpd', { ...change, reason: 'over' });
  expect(revoked).toMatchObject({ revoked: 'rpd', reason: 'over', policy: { revision: 2 } });
  expect(revoked.policy.limits.map((one) => one.name)).toEqual(['rpm']);
  await expect(store.revokeLimit(org, alice, 'rpd', change)).rejects.toMatchObject({
    kind: 'NOT_FOUND',
    reason: 'LIMIT_NOT_FOUND',
  });
});

// Planted: never deleting, and not asking who else names a family, are both red.
test('derived meters go with the last limit that named them', async () => {
  const orgSubject = { kind: 'org', id: '' } as const;
  const narrow = limit('gpt', { targets: ['gpt-4o'] });
  const each = limit('each', { targets: ['gpt-4o'], for: { kind: 'USER' } });
  await store.putPolicy(org, policy(alice, [narrow]), change);
  await store.putPolicy(org, policy(orgSubject, [each]), change);
  const derived = ['user:alice@gpt-4o', 'user:bob@gpt-4o'];
  const fill = () =>
    database.pool.query(
      `INSERT INTO meter (org_id, meter_id, family)
SELECT $1, unnest($2::text[]), 'user@gpt-4o' ON CONFLICT DO NOTHING`,
      [org, derived],
    );
  const left = async () => {
    const { rows } = await database.pool.query<{ meter_id: string }>(
      "SELECT meter_id FROM meter WHERE org_id = $1 AND family <> '' ORDER BY meter_id",
      [org],
    );
    return rows.map((row) => row.meter_id);
  };
  await fill();
  await store.putPolicy(org, policy(alice, [narrow, limit('rpd')]), change);
  expect(await left()).toEqual(derived);
  await store.putPolicy(org, policy(alice, []), change);
  expect(await left()).toEqual(['user:bob@gpt-4o']);
  await fill();
  await store.putPolicy(org, policy(orgSubject, []), change);
  expect(await left()).toEqual([]);
});

test('prices are numbered by scope and subject, and revoking ends all that are in force', async () => {
  await store.appendPrices(org, [price('MODEL', 'gpt'), price('KEY', 'gpt')], change);
  const later = { ...price('MODEL', 'gpt', 3n), effectiveAtMs: startMs + 1 };
  const [second, third] = await store.appendPrices(
    org,
    [price('MODEL', 'gpt', 9_007_199_254_740_993n), later],
    change,
  );
  expect(second?.price).toMatchObject({ revision: 2, epoch: 3 });
  expect(second?.price.rates[0]?.input).toBe(9_007_199_254_740_993n);
  expect(third?.price.revision).toBe(3);
  const revoked = await store.revokePrice(org, 'MODEL', 'gpt', { ...change, reason: 'wrong' });
  expect(revoked).toMatchObject({ price: { revision: 2, revokedEpoch: 4 }, revokedReason: 'wrong' });
  const { items } = await store.listPrices(org, { size: 10, token: undefined, filter: 'MODEL' });
  expect(items.map(({ price: { revision, revokedEpoch } }) => [revision, revokedEpoch])).toEqual([
    [1, 4],
    [2, 4],
    [3, undefined],
  ]);
  await store.revokePrice(org, 'MODEL', 'gpt', change);
  await expect(store.revokePrice(org, 'MODEL', 'gpt', change)).rejects.toMatchObject({
    kind: 'NOT_FOUND',
    reason: 'PRICE_NOT_FOUND',
  });
});

test('a change of the calendar calls for new windows inside the same transaction', async () => {
  const seen: string[] = [];
  const calendar = { timeZone: 'Europe/Berlin', weekStart: 1, monthAnchorDay: 1 };
  const failing = storeOn(database.pool, {
    onCalendarChange: async (_client, orgId, moved) => {
      seen.push(`${orgId} ${moved.timeZone}`);
      throw new Error('the rebuild failed');
    },
  });
  await failing.updateOrganization(organization(org, { displayName: 'Acme' }), change);
  expect(seen).toEqual([]);
  const update = failing.updateOrganization(organization(org, { calendar }), change);
  await expect(update).rejects.toMatchObject({ kind: 'UNAVAILABLE', reason: 'STORE_UNAVAILABLE' });
  expect(seen).toEqual([`${org} Europe/Berlin`]);
  expect((await store.getOrganization(org)).record.calendar.timeZone).toBe('UTC');
});

test('a credential keeps the end of its secret, and a revoked one stays revoked', async () => {
  const hash = Buffer.alloc(32, 1);
  const created = await store.createCredential(org, key('k1'), hash, change);
  expect(created).toMatchObject({ replayed: false, record: { lastFour: 'abcd' } });
  const revoked = key('k1', { state: 'REVOKED', lastFour: '' });
  const put = await store.put(org, 'key', revoked, change);
  expect(put.record).toMatchObject({ state: 'REVOKED', lastFour: 'abcd' });
  await expect(store.put(org, 'key', key('k1'), change)).rejects.toMatchObject({
    kind: 'FAILED_PRECONDITION',
    reason: 'CREDENTIAL_REVOKED',
  });
  await expect(store.createCredential(org, key('k2'), hash, change)).rejects.toMatchObject({
    reason: 'SECRET_EXISTS',
  });
});

test('a repeated creation of a credential says that its secret is the first one', async () => {
  const once = { ...change, requestId: 'r1' };
  await store.createCredential(org, key('k1'), Buffer.alloc(32, 2), once);
  const other = key('k1', { lastFour: 'wxyz' });
  const repeat = await store.createCredential(org, other, Buffer.alloc(32, 3), once);
  expect(repeat).toMatchObject({ replayed: true, record: { lastFour: 'abcd' } });
});

test('pages follow each other without gap or repeat, and a forged token is refused', async () => {
  const ids = Array.from({ length: 7 }, (_, index) => `u${index}`);
  for (const id of ids) await store.put(org, 'user', user(id), change);
  const seen: string[] = [];
  let token: string | undefined;
  do {
    const page = await store.list(org, 'user', { size: 3, token });
    seen.push(...page.items.map((item) => item.record.id));
    token = page.nextToken;
  } while (token !== undefined);
  expect(seen).toEqual(ids);
  const { nextToken } = await store.list(org, 'user', { size: 3, token: undefined });
  const invalid = { reason: 'FIELD_INVALID', violations: [{ field: 'page_token' }] };
  await expect(store.list(org, 'team', { size: 3, token: nextToken })).rejects.toMatchObject(
    invalid,
  );
  await expect(store.list(org, 'user', { size: 3, token: 'forged' })).rejects.toMatchObject(
    invalid,
  );
});
