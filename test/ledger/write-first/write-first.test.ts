import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { maxInt64 } from '../../../src/core/totals.ts';
import type { CheckAnswer } from '../../../src/ledger/ledger.ts';
import { createTestDatabase } from '../../support/database.ts';
import type { TestDatabase } from '../../support/database.ts';
import { checksOf, startReplica } from '../../support/replica-ledger.ts';
import type { Replica } from '../../support/replica-ledger.ts';
import { differencesOf } from '../../support/verified.ts';
import type { SaidLimit } from '../../support/view.ts';

const dayMs = 86_400_000;

let database: TestDatabase;
let orgId = '';
let said: Awaited<ReturnType<typeof checksOf>>;
let replicas: Replica[] = [];
let organizations = 0;

beforeAll(async () => {
  database = await createTestDatabase();
});

afterAll(async () => {
  await database.drop();
});

beforeEach(async () => {
  organizations += 1;
  orgId = `org-${organizations}`;
  said = await checksOf(database, orgId);
});

afterEach(async () => {
  await Promise.all(replicas.map(({ ledger }) => ledger.close()));
  replicas = [];
});

function start(options?: Parameters<typeof startReplica>[1]): Replica {
  const replica = startReplica(database, options);
  replicas.push(replica);
  return replica;
}

function statusesOf({ outcome }: CheckAnswer): string[] {
  return outcome.limits.map(({ status }) => status);
}

function requests(amount: bigint): SaidLimit {
  return { name: 'requests', metric: 'REQUESTS', window: 'DAY', amount, thresholds: [80] };
}

test('calls are written first until a limit is near, and again once it is far', async () => {
  const replica = start();
  const check = said({ policies: { org: { limits: [requests(5n)] } } });
  const statuses: string[][] = [];
  for (let number = 1; number <= 6; number += 1) {
    statuses.push(statusesOf(await check(replica, `r${number}`, {})));
  }
  expect(statuses.flat()).toEqual(['OK', 'OK', 'OK', 'NEAR', 'NEAR', 'EXCEEDED']);
  expect(replica.ways[0]).toBe('write_first');
  expect(replica.ways.filter((way) => way === 'guard_failed')).toHaveLength(1);
  expect(replica.ways.at(-1)).toBe('decide_first');
  replica.nowMs += dayMs;
  expect(statusesOf(await check(replica, 'r7', {}))).toEqual(['OK']);
  // A failed guard makes the next few batches cautious, however far their limits are.
  expect(statusesOf(await check(replica, 'r8', {}))).toEqual(['OK']);
  expect(statusesOf(await check(replica, 'r9', {}))).toEqual(['OK']);
  expect(replica.ways.at(-1)).toBe('write_first');
});

test('a request id that another replica wrote is a repeat there, or a conflict', async () => {
  const [one, other] = [start(), start()];
  const check = said({ policies: { org: { limits: [requests(50n)] } } });
  const first = await check(one, 'r1', { input: 3n });
  const repeat = await check(other, 'r1', { input: 3n });
  expect(repeat).toEqual({ ...first, replayed: true });
  await expect(check(other, 'r1', { input: 4n })).rejects.toMatchObject({
    reason: 'REQUEST_ID_CONFLICT',
  });
  expect(one.ways).toEqual(['write_first']);
  expect(other.ways[0]).toBe('guard_failed');
  const next = await check(one, 'r2', {});
  expect(next.outcome.limits[0]).toMatchObject({ used: 1n });
});

test.each([
  ['policies', 'UPDATE org SET epoch = epoch + 1 WHERE org_id = $1'],
  ['the platform', 'UPDATE platform SET epoch = epoch + 1 WHERE $1 <> $$$$'],
])('a call that was planned before a change of %s is planned again', async (_, step) => {
  const replica = start();
  const check = said({});
  await database.pool.query(step, [orgId]);
  await expect(check(replica, 'r1', {})).resolves.toMatchObject({ replayed: false });
  expect(replica.ways[0]).toBe('guard_failed');
  const { rows } = await database.pool.query<{ is_new: boolean }>(
    `SELECT (detail::json -> 'epochs' ->> 0)::bigint = o.epoch + p.epoch AS is_new
      FROM call JOIN org AS o USING (org_id) CROSS JOIN platform AS p WHERE org_id = $1`,
    [orgId],
  );
  expect(rows).toEqual([{ is_new: true }]);
  await database.pool.query('UPDATE platform SET epoch = 0');
});

test('a call counts in the window that a replica with a faster clock has begun', async () => {
  const [fast, slow] = [start(), start()];
  const check = said({ policies: { org: { limits: [requests(50n)] } } });
  fast.nowMs += dayMs;
  await check(fast, 'r1', {});
  await check(slow, 'r2', {});
  const third = await check(fast, 'r3', {});
  expect(third.outcome.limits[0]).toMatchObject({ used: 2n });
  expect(slow.ways[0]).toBe('guard_failed');
});

/* Planted once each, and seen red: the larger of two rooms kept; a room that forgets what is asked and not held. */
test('of limits with equal readings each counts, and so does what is asked beyond what is held', async () => {
  const replica = start();
  const limits: SaidLimit[] = [
    { ...requests(50n), name: 'a' },
    { ...requests(2n), name: 'b', thresholds: [] },
    { ...requests(40n), name: 'c' },
    { name: 'input', metric: 'INPUT_TOKENS', window: 'DAY', amount: 10n, thresholds: [] },
  ];
  const check = said({ policies: { org: { limits } } });
  const first = await check(replica, 'r1', { input: 10n, output: 5n });
  // Nothing of the input is left, and no call asks less than one token of it.
  const second = await check(replica, 'r2', { input: 0n, output: 5n });
  expect([first, second].map(statusesOf)).toEqual([
    ['OK', 'OK', 'OK', 'OK'],
    ['OK', 'OK', 'OK', 'EXCEEDED'],
  ]);
  const other = start();
  const narrow = said({ policies: { org: { limits: limits.slice(0, 3) } } });
  const decided = [await narrow(other, 'r3', {}), await narrow(other, 'r4', {})];
  expect(decided.map(({ outcome }) => outcome.decision)).toEqual(['ALLOW', 'DENY']);
  for (const { ways } of [replica, other]) expect(ways).toContain('guard_failed');
});

test('users who meet their limits for the first time, one after another, are soon decided first', async () => {
  const replica = start();
  const users = Array.from({ length: 40 }, (_, number) => `u${number}`);
  const limits = [{ ...requests(0n), thresholds: [] }];
  const policies = Object.fromEntries(users.map((user) => [`user:${user}`, { limits }]));
  const check = said({ policies });
  for (const user of users) {
    expect((await check(replica, user, { user })).outcome.decision).toBe('DENY');
  }
  const failed = replica.ways.filter((way) => way === 'guard_failed').length;
  expect(failed).toBeGreaterThan(0);
  expect(failed).toBeLessThan(users.length / 4);
});

test('calls side by side under the largest limit there is are all allowed', async () => {
  const replica = start();
  const limits: SaidLimit[] = [
    { ...requests(maxInt64), thresholds: [] },
    { name: 'cost', metric: 'COST', window: 'LIFETIME', amount: maxInt64, thresholds: [100] },
  ];
  const check = said({ policies: { org: { limits } } });
  const ids = Array.from({ length: 20 }, (_, number) => `r${number}`);
  const answers = await Promise.all(ids.map((id) => check(replica, id, { cost: 5n })));
  expect(answers.flatMap(statusesOf)).toEqual(Array.from({ length: 40 }, () => 'OK'));
  expect(replica.ways.every((way) => way === 'write_first')).toBe(true);
});

/* Planted once, and seen red: the meter taken as it was created, at zero. */
test('a meter that a limit creates is filled before a call is allowed by it', async () => {
  const replica = start();
  const plain = said({});
  await Promise.all(['r1', 'r2'].map((id) => plain(replica, id, {})));
  const limits = [{ ...requests(50n), targets: ['gpt-4o'] }];
  const limited = said({ policies: { org: { limits } } });
  const third = await limited(replica, 'r3', {});
  expect(third.outcome.limits[0]).toMatchObject({ used: 2n, status: 'OK' });
  expect(replica.ways).toContain('guard_failed');
});

/* Planted once, and seen red: without the bound a sum of two counters leaves int64, and the call is allowed. */
test('a call that would take a meter beyond int64 is refused', async () => {
  const replica = start();
  const check = said({});
  await check(replica, 'r1', {});
  await database.pool.query(
    `UPDATE meter SET lifetime_used_input = $2, lifetime_held_output = $2 WHERE org_id = $1`,
    [orgId, (2n ** 62n - 1n).toString()],
  );
  const second = await check(replica, 'r2', { input: 10n, output: 10n });
  expect(second.outcome.reasons).toEqual(['TOKENS_EXCEEDED']);
  expect(replica.ways).toContain('guard_failed');
});

test('with one organization to a transaction, as a distributed store wants it, all is decided first', async () => {
  const replica = start({ perOrganization: true });
  const check = said({ policies: { org: { limits: [requests(50n)] } } });
  await check(replica, 'r1', {});
  const second = await check(replica, 'r2', {});
  expect(second.outcome.limits[0]).toMatchObject({ used: 1n });
  expect(new Set(replica.ways)).toEqual(new Set(['decide_first']));
});

test('holds that may be forgotten by a crash are written first too', async () => {
  const replica = start({ durableHolds: false });
  const check = said({ policies: { org: { limits: [requests(50n)] } } });
  await check(replica, 'r1', {});
  const second = await check(replica, 'r2', {});
  expect(second.outcome.limits[0]).toMatchObject({ used: 1n });
  expect(new Set(replica.ways)).toEqual(new Set(['write_first']));
});

/* Red when a free call needed room in each limit: on a spent one it failed a guard every time. */
test('a call that asks nothing of a spent limit is written first', async () => {
  const replica = start();
  const cost = (amount: bigint): SaidLimit => ({
    name: 'cost',
    metric: 'COST',
    window: 'DAY',
    thresholds: [],
    amount,
  });
  await said({ policies: { org: { limits: [cost(5n)] } } })(replica, 'r1', { cost: 3n });
  const check = said({ policies: { org: { limits: [cost(1n)] } } });
  for (const requestId of ['r2', 'r3']) {
    expect(statusesOf(await check(replica, requestId, { cost: 0n }))).toEqual(['OK']);
  }
  expect(new Set(replica.ways)).toEqual(new Set(['write_first']));
});

interface SettledRow {
  readonly state: string;
  readonly held: string;
  readonly cost: string | null;
  readonly requests: string | null;
  readonly is_late: boolean | null;
}

/** What is kept of calls, each beside its row in the record, by request id. */
async function keptCalls(): Promise<SettledRow[]> {
  const { rows } = await database.pool.query<SettledRow>(
    `SELECT c.state, c.held_cost::text AS held, u.cost::text AS cost, u.requests::text AS requests,
    u.recorded_at < r.closed_to AS is_late FROM call c LEFT JOIN usage u USING (org_id, request_id)
    LEFT JOIN usage_rolled r ON r.org_id = c.org_id WHERE c.org_id = $1 ORDER BY c.request_id`,
    [orgId],
  );
  return rows;
}

/* Planted once each, and seen red: the state of all calls OPEN; usage that is not written; usage that is recorded before
   what is closed for the roll-up. */
test('calls that are settled at once are written first with their usage, beside those that are held', async () => {
  const replica = start();
  const check = said({ policies: { org: { limits: [requests(50n)] } } });
  const calls = [
    check(replica, 'r1', { cost: 5n }),
    check(replica, 'r2', { cost: 7n, settleNow: true }),
    check(replica, 'r3', { cost: 9n, settleNow: true }),
  ];
  const answers = await Promise.all(calls);
  expect(new Set(replica.ways)).toEqual(new Set(['write_first']));
  expect(answers.map(({ holdState, outcome }) => [holdState, outcome.heldCost])).toEqual([
    ['OPEN', 5n],
    ['SETTLED', 0n],
    ['SETTLED', 0n],
  ]);
  const settled = { state: 'SETTLED', held: '0', requests: '1', is_late: null };
  expect(await keptCalls()).toEqual([
    { state: 'OPEN', held: '5', cost: null, requests: null, is_late: null },
    { ...settled, cost: '7' },
    { ...settled, cost: '9' },
  ]);
  expect(await differencesOf(database.pool, orgId)).toEqual([]);
});

test('a call that is settled at once is recorded after what is closed for the roll-up', async () => {
  const replica = start();
  const check = said({});
  await database.pool.query(
    `INSERT INTO usage_rolled (org_id, closed_to, rolled_to, rolled_to_id)
    VALUES ($1, to_timestamp($2 / 1000.0), '-infinity', gen_random_uuid())`,
    [orgId, replica.nowMs + 60_000],
  );
  await check(replica, 'r1', { cost: 7n, settleNow: true });
  expect(replica.ways).toEqual(['guard_failed', 'decide_first']);
  expect(await keptCalls()).toMatchObject([{ state: 'SETTLED', cost: '7', is_late: false }]);
});
