import type { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { meterOf } from '../../src/core/meter.ts';
import { maxInt64 } from '../../src/core/totals.ts';
import type { CheckPlan } from '../../src/core/plan.ts';
import { planCheck } from '../../src/core/plan-check.ts';
import { planExtend } from '../../src/core/plan-extend.ts';
import { orgSubject } from '../../src/core/subject.ts';
import { faultOf, isLockTimeout, isPoison, storeFailure } from '../../src/db/errors.ts';
import { handMovedClock } from '../../src/platform/database-clock.ts';
import { connectLane } from '../../src/db/lane-client.ts';
import { streamOf } from '../../src/db/open-client.ts';
import type {
  CheckAnswer,
  ExtendAnswer,
  Ledger,
  ReportAnswer,
  StoredCall,
} from '../../src/ledger/ledger.ts';
import type { BatchWay } from '../../src/ledger/lane/batch-runner.ts';
import { createPgLedger } from '../../src/ledger/pg-ledger.ts';
import { brokenLimits } from '../support/broken-limits.ts';
import { countingLookUps } from '../support/counting-look-ups.ts';
import { cutAfterCommit } from '../support/cut-after-commit.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';
import { anyChange, plainOrganization, policyStoreOf } from '../support/organization.ts';
import { differencesOf } from '../support/verified.ts';
import { callOf, estimateOf, viewOf } from '../support/view.ts';

const orgId = 'acme';
let database: TestDatabase;
let ledger: Ledger;
let opened = 0;
let current = 0;
let lane: Client;
let lookUps = 0;
let batches = 0;
let ways: BatchWay[] = [];
let failures: unknown[] = [];
const saturated: string[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  const store = policyStoreOf(database.pool, Date.now);
  await store.createOrganization(plainOrganization(orgId), anyChange);
  const { rows } = await database.pool.query<{ epoch: string }>(
    "SELECT epoch FROM org WHERE org_id <> ''",
  );
  current = Number(rows[0]?.epoch);
  ledger = start();
});

/** A ledger as it is after a start of the process. */
function start(): Ledger {
  return createPgLedger({
    pools: {
      lookUps: countingLookUps(database.pool, () => (lookUps += 1)),
      explain: database.pool,
    },
    connect: async (prepare) => {
      opened += 1;
      lane = await connectLane(
        {
          connectionString: database.url,
          statementTimeoutMs: 20_000,
          connectTimeoutMs: 20_000,
        },
        prepare,
      );
      return lane;
    },
    streamOf,
    silenceMs: 20_000,
    clock: handMovedClock({ nowMs: Date.now }),
    lanes: 1,
    maxBatch: 64,
    maxQueue: 100,
    explainsAtOnce: 4,
    perOrganization: false,
    durableHolds: true,
    maxRememberedCalls: 100,
    lockTimeoutMs: 20_000,
    isLocked: isLockTimeout,
    isStatementTimeout: () => false,
    isRetryable: (cause) => faultOf(cause).retryable,
    isPoison,
    failure: storeFailure,
    monotonicMs: () => performance.now(),
    onBatch: (_size, _seconds, way) => {
      batches += 1;
      ways.push(way);
    },
    onSaturated: (_orgId, meter) => saturated.push(meter),
    onFailure: (cause) => failures.push(cause),
  });
}

afterAll(async () => {
  await ledger.close();
  await database.drop();
});

function check(requestId: string, more: Partial<CheckPlan>): Promise<CheckAnswer> {
  const plan = (epoch: number): CheckPlan => ({
    ...planCheck(viewOf({}), callOf({}), Date.now()),
    epoch: Math.max(epoch, current),
    ...more,
  });
  return ledger.check({
    orgId,
    requestId,
    content: {},
    ttlMs: 60_000,
    plan,
    deadlineMs: undefined,
  });
}

/* Planted once, and seen red: a fault of our own that fails the whole batch as one of the store. */
test('a decision that throws fails alone: its neighbours are decided, the connection stays', async () => {
  const fault = new RangeError('planted');
  const planned = await check('r0', {});
  expect(planned.outcome.decision).toBe('ALLOW');
  const isBroken = (number: number): boolean => number === 7;
  const settled = await Promise.allSettled(
    Array.from({ length: 20 }, (_, number) =>
      check(`r${number + 1}`, isBroken(number) ? { limits: brokenLimits(fault) } : {}),
    ),
  );
  expect(settled.map(({ status }) => status)).toEqual(
    Array.from({ length: 20 }, (_, number) => (isBroken(number) ? 'rejected' : 'fulfilled')),
  );
  expect(settled[7]).toMatchObject({ reason: fault });
  expect(opened).toBe(1);
});

/* Red when a number was found not to fit while the message was written: that cost the connection, and the batch. */
test('a number that the store cannot hold fails its call alone, and its neighbours are answered', async () => {
  const connections = opened;
  const tooLarge = report(orgId, 'too-large', { input: 2n ** 64n });
  const beside = Array.from({ length: 20 }, (_, number) => check(`beside-${number}`, {}));
  await expect(tooLarge).rejects.toBeInstanceOf(Error);
  const answers = await Promise.all(beside);
  expect(answers.map(({ outcome }) => outcome.decision)).toEqual(Array(20).fill('ALLOW'));
  expect(opened).toBe(connections);
});

/* Red when a sum that passed int64 failed its batch: every later Report of the organization failed. */
test('sums of usage stay at the largest int64, Reports and neighbours go on, and verify agrees', async () => {
  const absurd = 'absurd';
  await policyStoreOf(database.pool, Date.now).createOrganization(
    plainOrganization(absurd),
    anyChange,
  );
  const huge = { input: maxInt64, cost: maxInt64 };
  await report(absurd, 'small', { input: 3n });
  const connections = opened;
  const reports = Array.from({ length: 4 }, (_, number) => report(absurd, `huge-${number}`, huge));
  const beside = Array.from({ length: 10 }, (_, number) => check(`near-${number}`, {}));
  await Promise.all(reports);
  for (const { outcome } of await Promise.all(beside)) expect(outcome.decision).toBe('ALLOW');
  await report(absurd, 'later', { input: 7n, cost: 1n });
  const calendar = plainOrganization(absurd).calendar;
  const total = await ledger.meter(absurd, calendar, meterOf(orgSubject), Date.now());
  expect(total.window('LIFETIME')).toMatchObject({ usedInput: maxInt64, usedCost: maxInt64 });
  expect(opened).toBe(connections);
  expect(await differencesOf(database.pool, absurd)).toEqual([]);
  expect(saturated).toContain(meterOf(orgSubject).name);
});

function report(
  ofOrg: string,
  requestId: string,
  told: { input: bigint; cost?: bigint },
): Promise<ReportAnswer> {
  return ledger.report({
    orgId: ofOrg,
    requestId,
    content: {},
    deadlineMs: undefined,
    plan: (_known, _nowMs, epoch) => {
      const made = planCheck(viewOf({}), callOf({}), Date.now());
      const { target, served, ...plan } = made;
      const counts = { ...estimateOf({}), cost: 0n, output: 0n, reasoningOutput: 0n, ...told };
      const usage = { ...counts, target, served, priceRevision: undefined, unpriced: false };
      const flags = { isAssumed: false, isUnattributed: false };
      const plain = { ...plan, fromMs: -Infinity, untilMs: Infinity, limits: [], requests: 1n };
      return { ...plain, ...flags, usage, epoch: Math.max(epoch, current) };
    },
  });
}

function extend(
  requestId: string,
  sequence: number,
  more: Partial<CheckPlan>,
): Promise<ExtendAnswer> {
  return ledger.extend({
    orgId,
    requestId,
    sequence,
    content: {},
    ttlMs: undefined,
    plan: (stored, _nowMs, epoch) => ({
      ...planExtend(viewOf({}), stored, estimateOf({ cost: 5n }), Date.now()),
      // An older one would be planned again, and the cut meet a commit of nothing.
      epoch: Math.max(epoch, current),
      ...more,
    }),
    deadlineMs: undefined,
  });
}

/* Red when everything that the server refused counted as a guard's failure, and its cause was lost. */
test('a statement that the server refuses is a failed guard only if a guard refused it', async () => {
  await check('before', {});
  [ways, failures] = [[], []];
  await expect(check('a\0b', {})).rejects.toMatchObject({ kind: 'INVALID_ARGUMENT' });
  expect(ways).not.toContain('guard_failed');
  expect(failures).toMatchObject([{ code: '22021' }]);
});

/* Red, for each kind of call, when the lane's retry found its own first commit and told the caller of a replay. */
test('a caller does not see that the answer to the first commit was lost', async () => {
  for (const requestId of ['closed', 'released']) await check(requestId, {});
  const { heldCost } = (await check('extended', {})).outcome;
  const losing = async (work: () => Promise<{ readonly replayed: boolean }>): Promise<unknown> => {
    const before = opened;
    ways = [];
    const lost = cutAfterCommit(lane);
    const { replayed } = await work();
    expect(lost.isCut).toBe(true);
    expect(opened).toBe(before + 1);
    return replayed;
  };
  expect(await losing(() => check('write-first', {}))).toBe(false);
  expect(ways[0]).toBe('write_first');
  const bypass = { cost: true, rate: false, tokens: false, models: false };
  expect(await losing(() => check('decide-first', { bypass }))).toBe(false);
  expect(ways[0]).toBe('decide_first');
  const extension = { hold: { cost: 5n, input: 0n, output: 0n } };
  expect(await losing(() => extend('extended', 1, extension))).toBe(false);
  expect(await losing(() => report(orgId, 'post-paid', { input: 1n }))).toBe(false);
  expect(await losing(() => report(orgId, 'closed', { input: 1n }))).toBe(false);
  const release = (): Promise<{ replayed: boolean }> =>
    ledger.release({
      orgId,
      requestId: 'released',
      deadlineMs: undefined,
      plan: (_stored, epoch) => {
        const { calendar, meters } = planCheck(viewOf({}), callOf({}), Date.now());
        return { epoch: Math.max(epoch, current), calendar, meters, onExpiry: 'RELEASE' };
      },
    });
  expect(await losing(release)).toBe(false);
  // A caller's own repeat is one.
  expect((await check('write-first', {})).replayed).toBe(true);
  expect((await check('decide-first', { bypass })).replayed).toBe(true);
  const repeat = await extend('extended', 1, extension);
  // What was added is held once.
  expect(repeat).toMatchObject({ replayed: true, outcome: { heldCost: heldCost + 5n } });
  expect((await report(orgId, 'closed', { input: 1n })).replayed).toBe(true);
  expect((await release()).replayed).toBe(true);
});

/* Seen red: the answer to an Extend said what it added, as if that were all. */
test('an Extend returns the total that is held, and a refused one what stays held', async () => {
  const cost = async (sequence: number, added: Partial<CheckPlan>): Promise<bigint> =>
    (await extend('held', sequence, added)).outcome.heldCost;
  const first = await check('held', { hold: { cost: 10n, input: 0n, output: 0n } });
  expect(first.outcome.heldCost).toBe(10n);
  expect(await cost(1, {})).toBe(15n);
  expect(await cost(2, { reasons: ['USER_SUSPENDED'] })).toBe(15n);
});

/* Planted once, and seen red: look-ups one by one, and without the memory of calls. */
test('calls of before a restart are looked up together, and a repeated Check waits for no batch', async () => {
  const ids = Array.from({ length: 30 }, (_, number) => `before-${number}`);
  await Promise.all(ids.map((id) => check(id, {})));
  const restarted = start();
  lookUps = 0;
  const plan = (stored: StoredCall) => ({
    epoch: stored.priceEpochs.own,
    calendar: plainOrganization(orgId).calendar,
    meters: [meterOf(orgSubject)],
    onExpiry: 'RELEASE' as const,
  });
  const release = (requestId: string) =>
    restarted.release({ orgId, requestId, plan, deadlineMs: undefined });
  const released = await Promise.all(ids.map(release));
  expect(released).toEqual(ids.map(() => ({ replayed: false })));
  expect(lookUps).toBe(1);
  await restarted.close();

  const first = await check('repeated', {});
  batches = 0;
  expect(await check('repeated', {})).toEqual({ ...first, replayed: true });
  expect(batches).toBe(0);
});
