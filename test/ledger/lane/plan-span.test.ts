import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { unknownEstimate } from '../../../src/core/call.ts';
import type { FollowingClock } from '../../../src/platform/database-clock.ts';
import type { Policies } from '../../../src/policies/policies.ts';
import { createCheck } from '../../../src/service/check.ts';
import { createExplain } from '../../../src/service/explain.ts';
import { createExtend } from '../../../src/service/extend.ts';
import { createReport } from '../../../src/service/report.ts';
import { createTestDatabase } from '../../support/database.ts';
import type { TestDatabase } from '../../support/database.ts';
import { anyChange, plainOrganization, policyStoreOf } from '../../support/organization.ts';
import { startReplica } from '../../support/replica-ledger.ts';
import type { Replica } from '../../support/replica-ledger.ts';
import { anyGateway, inputOf } from '../../support/service-stage.ts';
import { giveStandingClock } from '../../support/stepped-clock.ts';
import { estimateOf, viewOf } from '../../support/view.ts';

/*
 * A raise ends at an instant of the database's clock, which stands where the test sets it. A replica plans a call at its
 * estimate of that clock, and the batch is judged at what it reads. So the two may lie on different sides of the end,
 * whichever is ahead. Planted, and seen red, each by itself: no look at `untilMs`, or at `fromMs`, where a batch that is
 * decided first looks for stale plans (`isStale`), and in the span of one that is written first (`timeSpan`); a Report
 * whose plan says no span.
 */
// Not where a window ends: a batch that finds another window than expected is planned again in any case.
const endMs = Date.parse('2026-03-10T12:00:03.000Z');
const said = {
  organization: { unpriced: 'ZERO' as const },
  policies: { 'user:alice': { limits: [{ name: 'daily', metric: 'COST', amount: 10n } as const] } },
  raises: [{ id: 'launch', of: 'user:alice/daily', add: 10n, untilMs: endMs }],
};
/** A gateway that waits for a minute. */
const unhurried = () => ({ ...anyGateway, deadlineMs: performance.now() + 60_000 });
let database: TestDatabase;
let setDatabase: (ms: number) => Promise<void>;
let estimateMs: number;
let replica: Replica;
let services: ReturnType<typeof servicesOn>;

/** The estimate is what a test says, until the clock of the database is read. */
const clock: FollowingClock = {
  isDatabase: true,
  nowMs: () => estimateMs,
  read: ({ databaseNowMs }) => (estimateMs = databaseNowMs),
};

beforeEach(async () => {
  database = await createTestDatabase();
  setDatabase = await giveStandingClock(database.pool);
  await setDatabase(endMs - 1000);
  estimateMs = endMs - 1000;
  const store = policyStoreOf(database.pool, () => clock.nowMs());
  await store.createOrganization(plainOrganization('acme'), anyChange);
});

afterEach(async () => {
  await replica.ledger.close();
  await database.drop();
});

function start(perOrganization: boolean): void {
  replica = startReplica(database, { perOrganization, clock });
  services = servicesOn(replica);
}

function servicesOn({ ledger }: Replica) {
  const view = viewOf({ ...said, epoch: 1 });
  const policies: Policies = {
    view: () => view,
    credential: () => undefined,
    newestEpoch: () => Promise.resolve(1),
    close: () => Promise.resolve(),
  };
  const parts = { policies, ledger, clock };
  return {
    check: createCheck(parts),
    extend: createExtend(parts),
    report: createReport(parts),
    explain: createExplain(parts),
  };
}

async function check(requestId: string, cost: bigint) {
  const input = { requestId, ttlMs: undefined, parentRequestId: undefined };
  const call = inputOf({ user: 'alice', cost });
  const { outcome } = await services.check({ ...call, ...input }, unhurried());
  return stood(outcome);
}

type Outcome = Awaited<ReturnType<(typeof services)['explain']>>['outcome'];

function stood({ decision, limits: [limit], decidedAtMs }: Outcome) {
  return {
    decision,
    amount: limit?.amount,
    raised: limit?.raised?.applied.length ?? 0,
    decidedAtMs,
  };
}

/** The time of the database, and the replica's estimate of it. */
async function at(databaseMs: number, estimatedMs: number): Promise<void> {
  await setDatabase(databaseMs);
  estimateMs = estimatedMs;
}

const sides = [
  ['both before the end', -1, -1, true],
  ['planned before the end, judged at it', 0, -1, false],
  ['planned at the end, judged before it', -1, 0, true],
  ['both at the end', 0, 0, false],
] as const;

describe.each([
  ['written first', false],
  ['decided first', true],
] as const)('a Check that is %s', (_way, perOrganization) => {
  test.each(sides)('%s', async (_name, databaseAt, estimatedAt, isRaised) => {
    start(perOrganization);
    await at(endMs + databaseAt, endMs + estimatedAt);
    const [decidedAtMs, raised] = [endMs + databaseAt, isRaised ? 1 : 0];
    const limit = { amount: isRaised ? 20n : 10n, raised, decidedAtMs };
    expect(await check('small', 1n)).toEqual({ decision: 'ALLOW', ...limit });
    await at(endMs + databaseAt, endMs + estimatedAt);
    const decision = isRaised ? 'ALLOW' : 'DENY';
    expect(await check('large', 12n)).toEqual({ decision, ...limit });
    expect(replica.failures).toEqual([]);
    const expected = perOrganization ? 'decide_first' : 'write_first';
    if (databaseAt === estimatedAt) expect(replica.ways[0]).toBe(expected);
  });
});

test.each(sides)('an Extend: %s', async (_name, databaseAt, estimatedAt, isRaised) => {
  start(false);
  expect((await check('call', 1n)).decision).toBe('ALLOW');
  await at(endMs + databaseAt, endMs + estimatedAt);
  const added = estimateOf({ cost: 12n, output: 1n });
  const more = { sequence: 1, ttlMs: undefined, credential: undefined };
  const input = { orgId: 'acme', requestId: 'call', added, ...more };
  expect(stood((await services.extend(input, unhurried())).outcome)).toEqual({
    decision: isRaised ? 'ALLOW' : 'DENY',
    amount: isRaised ? 20n : 10n,
    raised: isRaised ? 1 : 0,
    decidedAtMs: endMs + databaseAt,
  });
});

test.each(sides)(
  'the warnings of a Report: %s',
  async (_name, databaseAt, estimatedAt, isRaised) => {
    start(false);
    expect((await check('call', 12n)).decision).toBe('ALLOW');
    await at(endMs + databaseAt, endMs + estimatedAt);
    const usage = { ...unknownEstimate, input: 1n, output: 1n, cost: 12n };
    const flags = { partial: false, usageUnknown: false };
    const input = { ...inputOf({ user: 'alice' }), requestId: 'call', usage, ...flags };
    const { warnings } = await services.report(input, unhurried());
    expect(warnings.map(({ status, amount }) => [status, amount])).toEqual(
      isRaised ? [] : [['EXCEEDED', 10n]],
    );
  },
);

test('an Explain is of one instant', async () => {
  start(false);
  for (const [ms, amount] of [
    [endMs - 1, 20n],
    [endMs, 10n],
  ] as const) {
    estimateMs = ms;
    const { outcome } = await services.explain(inputOf({ user: 'alice', cost: 1n }), unhurried());
    expect(stood(outcome)).toMatchObject({ amount, decidedAtMs: ms });
  }
});
