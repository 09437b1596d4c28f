import { expect, test } from 'vitest';
import { change, limit, model, policy, price, team, user } from '../builders.ts';
import { useFreshStore } from '../fresh-store.ts';

const fresh = useFreshStore();

const alice = { kind: 'user', id: 'alice' } as const;

async function logOf(orgId: string): Promise<readonly unknown[]> {
  const { rows } = await fresh.database.pool.query(
    `SELECT epoch::integer, kind, subject, actor, reason FROM audit_entry
WHERE org_id = $1 ORDER BY epoch`,
    [orgId],
  );
  return rows;
}

test('every change steps the epoch by one and leaves one row in the log', async () => {
  await fresh.store.put(fresh.org, 'team', team('red'), change);
  await fresh.store.putPolicy(fresh.org, policy(alice, [limit('rpd')]), {
    ...change,
    reason: 'first',
  });
  await fresh.store.appendPrices(fresh.org, [price('MODEL', 'a'), price('MODEL', 'b')], change);
  expect(await fresh.epoch()).toBe(4);
  expect(await logOf(fresh.org)).toEqual([
    { epoch: 1, kind: 'organization', subject: fresh.org, actor: 'tester', reason: 'because' },
    { epoch: 2, kind: 'team', subject: 'red', actor: 'tester', reason: 'because' },
    { epoch: 3, kind: 'policy', subject: 'user:alice', actor: 'tester', reason: 'first' },
    { epoch: 4, kind: 'price', subject: '2 prices', actor: 'tester', reason: 'because' },
  ]);
});

test('changes made at once each get an epoch of their own', async () => {
  const ids = Array.from({ length: 30 }, (_, index) => `u${index}`);
  await Promise.all(ids.map((id) => fresh.store.put(fresh.org, 'user', user(id), change)));
  expect(await fresh.epoch()).toBe(31);
  expect(await logOf(fresh.org)).toHaveLength(31);
});

// Planted: without FOR UPDATE, this, the test above and the repeated request id below are red.
// Planted: without FOR UPDATE, this, the test above and the repeated request id below are red.
test('a change waits for the session that holds the lock of the organization', async () => {
  const holder = await fresh.database.pool.connect();
  await holder.query('BEGIN');
  await holder.query("SELECT 1 FROM meter WHERE org_id = $1 AND meter_id = 'org' FOR UPDATE", [
    fresh.org,
  ]);
  const put = fresh.store.put(fresh.org, 'user', user('alice'), change);
  try {
    await expect.poll(() => waiters()).toBe(1);
    expect(await fresh.epoch()).toBe(1);
  } finally {
    await holder.query('COMMIT');
    holder.release();
  }
  await put;
  expect(await fresh.epoch()).toBe(2);
});

async function waiters(): Promise<number> {
  const { rows } = await fresh.database.pool.query<{ count: string }>(
    `SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%FOR UPDATE'`,
  );
  return Number(rows[0]?.count);
}

test('a stale etag is refused, and nothing is written', async () => {
  const first = await fresh.store.put(fresh.org, 'user', user('alice'), change);
  const second = await fresh.store.put(fresh.org, 'user', user('alice', { tier: 'pro' }), {
    ...change,
    etag: first.etag,
  });
  const stale = { ...change, etag: first.etag };
  await expect(fresh.store.put(fresh.org, 'user', user('alice'), stale)).rejects.toMatchObject({
    kind: 'ABORTED',
    reason: 'ETAG_MISMATCH',
  });
  expect(await fresh.store.get(fresh.org, 'user', 'alice')).toEqual(second);
  expect(await fresh.epoch()).toBe(3);
});

test('a repeated request id answers the first result and changes nothing more', async () => {
  const once = { ...change, requestId: 'r1' };
  const big = model('gpt', { defaultOutputTokens: 9_007_199_254_740_993n });
  const first = await fresh.store.put(fresh.org, 'model', big, once);
  await fresh.store.put(fresh.org, 'model', model('gpt'), change);
  expect(await fresh.store.put(fresh.org, 'model', big, once)).toEqual(first);
  expect(await fresh.epoch()).toBe(3);
});

test('a request id repeated at once from many sides has one effect', async () => {
  const once = { ...change, requestId: 'r1' };
  const answers = await Promise.all(
    Array.from({ length: 8 }, () =>
      fresh.store.putPolicy(fresh.org, policy(alice, [limit('rpd')]), once),
    ),
  );
  expect(new Set(answers.map((answer) => answer.policy.revision))).toEqual(new Set([1]));
  expect(await fresh.epoch()).toBe(2);
});

test('a request id of another change is a conflict', async () => {
  const once = { ...change, requestId: 'r1' };
  await fresh.store.put(fresh.org, 'user', user('alice'), once);
  await expect(fresh.store.put(fresh.org, 'user', user('bob'), once)).rejects.toMatchObject({
    kind: 'ALREADY_EXISTS',
    reason: 'REQUEST_ID_CONFLICT',
  });
});

test('validating only says what would be and writes nothing', async () => {
  const only = { ...change, validateOnly: true, requestId: 'r1' };
  const would = await fresh.store.putPolicy(fresh.org, policy(alice, [limit('rpd')]), only);
  expect(would.policy.revision).toBe(1);
  await expect(fresh.store.getPolicy(fresh.org, alice, undefined)).rejects.toMatchObject({
    reason: 'POLICY_NOT_FOUND',
  });
  const stranger = user('bob', { teams: ['none'] });
  await expect(fresh.store.put(fresh.org, 'user', stranger, only)).rejects.toMatchObject({
    reason: 'FIELD_INVALID',
  });
  expect(await fresh.epoch()).toBe(1);
  expect(await logOf(fresh.org)).toHaveLength(1);
});
