import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { ConsideredLimit, Outcome } from '../../src/core/outcome.ts';
import { planCheck } from '../../src/core/plan-check.ts';
import { metrics, windows } from '../../src/core/policy.ts';
import { faultOf, isPoison, storeFailure } from '../../src/db/errors.ts';
import { connectLane } from '../../src/db/lane-client.ts';
import type { CheckAnswer, Ledger } from '../../src/ledger/ledger.ts';
import { createPgLedger } from '../../src/ledger/pg-ledger.ts';
import type { BatchWay } from '../../src/ledger/pg-ledger.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';
import { anyChange, plainOrganization, policyStoreOf } from '../support/organization.ts';
import { createRandom } from '../support/random.ts';
import type { Random } from '../support/random.ts';
import { callOf, viewOf } from '../support/view.ts';
import type { Said, SaidCall, SaidLimit } from '../support/view.ts';

const dayMs = 86_400_000;

/** A ledger with a clock and memory of its own, as every replica has. */
interface Replica {
  readonly ledger: Ledger;
  readonly ways: BatchWay[];
  nowMs: number;
}

let database: TestDatabase;
let orgId = '';
let replicas: Replica[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});

afterAll(async () => {
  await database.drop();
});

let organizations = 0;

beforeEach(async () => {
  organizations += 1;
  orgId = `org-${organizations}`;
  const store = policyStoreOf(database.pool, Date.now);
  await store.createOrganization(plainOrganization(orgId), anyChange);
});

afterEach(async () => {
  await Promise.all(replicas.map(({ ledger }) => ledger.close()));
  replicas = [];
});

function startReplica({ durableHolds = true } = {}): Replica {
  const ways: BatchWay[] = [];
  const replica: Replica = {
    ways,
    nowMs: Date.parse('2026-03-10T09:00:00Z'),
    ledger: createPgLedger({
      pool: database.pool,
      connect: () =>
        connectLane({
          connectionString: database.url,
          statementTimeoutMs: 20_000,
          connectTimeoutMs: 20_000,
        }),
      clock: { nowMs: () => replica.nowMs, learn: () => undefined },
      lanes: 1,
      maxBatch: 64,
      maxQueue: 1000,
      perOrganization: false,
      durableHolds,
      maxRememberedCalls: 100,
      isRetryable: (cause) => faultOf(cause).retryable,
      isPoison,
      failure: storeFailure,
      processNowMs: Date.now,
      onBatch: (_size, _seconds, way) => ways.push(way),
    }),
  };
  replicas.push(replica);
  return replica;
}

async function epochNow(): Promise<number> {
  const { rows } = await database.pool.query<{ epoch: string }>(
    'SELECT epoch FROM org WHERE org_id = $1',
    [orgId],
  );
  return Number(rows[0]?.epoch);
}

/** Checks on a replica by policies that are said, as of an epoch. */
function checking(said: Said, epoch: number) {
  const view = viewOf(said);
  return (replica: Replica, requestId: string, call: SaidCall): Promise<CheckAnswer> =>
    replica.ledger.check({
      orgId,
      requestId,
      content: {
        user: call.user ?? '',
        input: `${call.input}`,
        output: `${call.output}`,
        cost: `${call.cost}`,
      },
      ttlMs: 60_000,
      plan: (atLeastEpoch) => ({
        ...planCheck(view, callOf(call), replica.nowMs),
        epoch: Math.max(epoch, atLeastEpoch),
      }),
      deadlineMs: undefined,
    });
}

function statusesOf({ outcome }: CheckAnswer): string[] {
  return outcome.limits.map(({ status }) => status);
}

function requests(amount: bigint): SaidLimit {
  return { name: 'requests', metric: 'REQUESTS', window: 'DAY', amount, thresholds: [80] };
}

test('calls are written first until a limit is near, and again once it is far', async () => {
  const replica = startReplica();
  const check = checking({ policies: { org: { limits: [requests(5n)] } } }, await epochNow());
  const statuses: string[][] = [];
  for (let number = 1; number <= 6; number += 1) {
    statuses.push(statusesOf(await check(replica, `r${number}`, {})));
  }
  expect(statuses.flat()).toEqual(['OK', 'OK', 'OK', 'NEAR', 'NEAR', 'EXCEEDED']);
  const written = ['optimistic', 'optimistic', 'optimistic', 'unforeseen'];
  expect(replica.ways).toEqual([...written, 'careful', 'careful', 'careful']);
  replica.nowMs += dayMs;
  expect(statusesOf(await check(replica, 'r7', {}))).toEqual(['OK']);
  expect(statusesOf(await check(replica, 'r8', {}))).toEqual(['OK']);
  expect(replica.ways.slice(-2)).toEqual(['careful', 'optimistic']);
});

test('a request id that another replica wrote is a repeat there, or a conflict', async () => {
  const [one, other] = [startReplica(), startReplica()];
  const check = checking({ policies: { org: { limits: [requests(50n)] } } }, await epochNow());
  const first = await check(one, 'r1', { input: 3n });
  const repeat = await check(other, 'r1', { input: 3n });
  expect(repeat).toEqual({ ...first, replayed: true });
  await expect(check(other, 'r1', { input: 4n })).rejects.toMatchObject({
    reason: 'REQUEST_ID_CONFLICT',
  });
  expect(one.ways).toEqual(['optimistic']);
  expect(other.ways[0]).toBe('unforeseen');
  const next = await check(one, 'r2', {});
  expect(next.outcome.limits[0]).toMatchObject({ used: 1n });
});

test('a call that was planned before a change of policies is planned again', async () => {
  const replica = startReplica();
  const epoch = await epochNow();
  const check = checking({}, epoch);
  await database.pool.query('UPDATE org SET epoch = epoch + 1 WHERE org_id = $1', [orgId]);
  await expect(check(replica, 'r1', {})).resolves.toMatchObject({ replayed: false });
  expect(replica.ways[0]).toBe('unforeseen');
  const { rows } = await database.pool.query<{ detail: string }>(
    'SELECT detail FROM call WHERE org_id = $1',
    [orgId],
  );
  expect(rows.map(({ detail }) => (JSON.parse(detail) as { epoch: number }).epoch)).toEqual([
    epoch + 1,
  ]);
});

test('a call counts in the window that a replica with a faster clock has begun', async () => {
  const [fast, slow] = [startReplica(), startReplica()];
  const check = checking({ policies: { org: { limits: [requests(50n)] } } }, await epochNow());
  fast.nowMs += dayMs;
  await check(fast, 'r1', {});
  await check(slow, 'r2', {});
  const third = await check(fast, 'r3', {});
  expect(third.outcome.limits[0]).toMatchObject({ used: 2n });
  expect(slow.ways[0]).toBe('unforeseen');
});

/* Planted once each, and seen red: the larger of two rooms kept; a room that forgets what is asked and not held. */
test('of limits that are read alike each counts, and so does what is asked beyond what is held', async () => {
  const replica = startReplica();
  const limits: SaidLimit[] = [
    { ...requests(50n), name: 'a' },
    { ...requests(2n), name: 'b', thresholds: [] },
    { ...requests(40n), name: 'c' },
    { name: 'input', metric: 'INPUT_TOKENS', window: 'DAY', amount: 10n, thresholds: [] },
  ];
  const check = checking({ policies: { org: { limits } } }, await epochNow());
  const first = await check(replica, 'r1', { input: 10n, output: 5n });
  // Nothing of the input is left, and no call asks less than one token of it.
  const second = await check(replica, 'r2', { input: 0n, output: 5n });
  expect([first, second].map(statusesOf)).toEqual([
    ['OK', 'OK', 'OK', 'OK'],
    ['OK', 'OK', 'OK', 'EXCEEDED'],
  ]);
  const narrow = checking({ policies: { org: { limits: limits.slice(0, 3) } } }, await epochNow());
  const decided = [await narrow(replica, 'r3', {}), await narrow(replica, 'r4', {})];
  expect(decided.map(({ outcome }) => outcome.decision)).toEqual(['ALLOW', 'DENY']);
  const ways = ['optimistic', 'unforeseen', 'careful'];
  expect(replica.ways).toEqual([...ways, ...ways]);
});

/* Planted once, and seen red: the meter taken as it was born, at zero. */
test('a meter that a limit brings to life is filled before a call is allowed by it', async () => {
  const replica = startReplica();
  const epoch = await epochNow();
  const plain = checking({}, epoch);
  await Promise.all(['r1', 'r2'].map((id) => plain(replica, id, {})));
  const limits = [{ ...requests(50n), targets: ['gpt-4o'] }];
  const limited = checking({ policies: { org: { limits } } }, epoch);
  const third = await limited(replica, 'r3', {});
  expect(third.outcome.limits[0]).toMatchObject({ used: 2n, status: 'OK' });
  expect(replica.ways.slice(-2)).toEqual(['unforeseen', 'careful']);
});

/* Planted once, and seen red: without the bound a sum of two counters leaves int64, and the call is allowed. */
test('a call that would take a meter beyond int64 is refused', async () => {
  const replica = startReplica();
  const check = checking({}, await epochNow());
  await check(replica, 'r1', {});
  await database.pool.query(
    `UPDATE meter SET lifetime_used_input = $2, lifetime_held_output = $2 WHERE org_id = $1`,
    [orgId, (2n ** 62n - 1n).toString()],
  );
  const second = await check(replica, 'r2', { input: 10n, output: 10n });
  expect(second.outcome.reasons).toEqual(['TOKENS_EXCEEDED']);
  expect(replica.ways.slice(-2)).toEqual(['unforeseen', 'careful']);
});

test('holds that may be forgotten by a crash are written first too', async () => {
  const replica = startReplica({ durableHolds: false });
  const check = checking({ policies: { org: { limits: [requests(50n)] } } }, await epochNow());
  await check(replica, 'r1', {});
  const second = await check(replica, 'r2', {});
  expect(second.outcome.limits[0]).toMatchObject({ used: 1n });
  expect(replica.ways).toEqual(['optimistic', 'optimistic']);
});

type Amounts = readonly [number, ...number[]];

/** Near soon, near after some calls, never near. */
const tight: Amounts = [10, 200, 100_000, 1_000_000_000];
const wide: Amounts = [2000, 1_000_000_000, 2_000_000_000];

function someLimits(random: Random, of: string, amounts: Amounts): SaidLimit[] {
  return Array.from({ length: random.between(0, 4) }, (_, number): SaidLimit => {
    const metric = random.pick(metrics as unknown as [(typeof metrics)[number]]);
    const window = random.pick(windows as unknown as [(typeof windows)[number]]);
    return {
      name: `${of}${number}`,
      metric,
      window: metric === 'CONCURRENCY' ? undefined : window,
      amount: BigInt(random.pick(amounts)),
      action: random.pick(['BLOCK', 'BLOCK', 'WARN', 'DRY_RUN']),
      thresholds: random.pick([[], [50, 90]]),
    };
  });
}

function someCall(random: Random): SaidCall {
  return {
    user: `u${random.between(1, 3)}`,
    teams: ['red'],
    input: BigInt(random.between(1, 50)),
    output: BigInt(random.between(1, 50)),
    cost: BigInt(random.between(0, 90)),
  };
}

/** Each limit of each answer, by where it is measured. */
function byMeasure(
  outcomes: readonly Outcome[],
): Map<string, { limit: ConsideredLimit; adds: boolean }[]> {
  const found = new Map<string, { limit: ConsideredLimit; adds: boolean }[]>();
  for (const outcome of outcomes) {
    for (const limit of outcome.limits) {
      const key = `${limit.meter.name} ${limit.name}`;
      const all = found.get(key) ?? [];
      all.push({ limit, adds: outcome.decision === 'ALLOW' });
      found.set(key, all);
    }
  }
  return found;
}

/* Planted once each, and seen red: the asks of the call and of those behind it in the batch left in what it found;
   what is used read for what is held. Without the guard on sums never-oversubscribed admits too many,
   without the one on epochs policy-immediacy fails. */
test('whatever is near, each answer continues the one before it, and repeats itself', async () => {
  const random = createRandom();
  let written = 0;
  for (let round = 0; round < 12; round += 1) {
    orgId = `random-${round}`;
    const store = policyStoreOf(database.pool, Date.now);
    await store.createOrganization(plainOrganization(orgId), anyChange);
    const amounts = round % 3 === 0 ? tight : wide;
    const ofUsers = [1, 2, 3].map((user) => {
      return [`user:u${user}`, { limits: someLimits(random, 'u', amounts) }];
    });
    const policies = {
      org: { limits: someLimits(random, 'o', amounts) },
      'team:red': { limits: someLimits(random, 't', amounts) },
      ...(Object.fromEntries(ofUsers) as Said['policies']),
    };
    const check = checking({ policies }, await epochNow());
    const [one, other, third] = [startReplica(), startReplica(), startReplica()];
    const calls = Array.from({ length: 80 }, () => someCall(random));
    const answers = await Promise.all(
      calls.map((call, number) => check(number % 2 === 0 ? one : other, `r${number}`, call)),
    );
    written += one.ways.concat(other.ways).filter((way) => way === 'optimistic').length;
    for (const all of byMeasure(answers.map(({ outcome }) => outcome)).values()) {
      expectChain(all);
    }
    const repeats = await Promise.all(
      calls.map((call, number) => check(third, `r${number}`, call)),
    );
    expect(repeats).toEqual(answers.map((answer) => ({ ...answer, replayed: true })));
  }
  expect(written).toBeGreaterThan(12);
});

/** What each call found must be what those allowed before it have added, from 0 on: here they add what they ask. */
function expectChain(all: readonly { limit: ConsideredLimit; adds: boolean }[]): void {
  const spent = ({ limit }: { limit: ConsideredLimit }): bigint => limit.used + limit.held;
  // Who asks nothing stands before who asks something of the same sum.
  const allowed = all
    .filter(({ adds }) => adds)
    .map(({ limit }) => ({ limit, spent: spent({ limit }) }))
    .toSorted((a, b) => Number(a.spent - b.spent || a.limit.ask - b.limit.ask));
  const reached = new Set([0n]);
  let sum = 0n;
  for (const found of allowed) {
    expect(found.spent).toBe(sum);
    sum += found.limit.ask;
    reached.add(sum);
  }
  for (const refused of all) expect(reached).toContain(spent(refused));
}
