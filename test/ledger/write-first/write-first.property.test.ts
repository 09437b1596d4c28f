import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ConsideredLimit, Outcome } from '../../../src/core/outcome.ts';
import { metrics, windows } from '../../../src/core/policy.ts';
import { createTestDatabase } from '../../support/database.ts';
import type { TestDatabase } from '../../support/database.ts';
import { createRandom } from '../../support/random.ts';
import type { Random } from '../../support/random.ts';
import { checksOf, startReplica } from '../../support/replica-ledger.ts';
import type { Replica } from '../../support/replica-ledger.ts';
import { differencesOf } from '../../support/verified.ts';
import type { Said, SaidCall, SaidLimit } from '../../support/view.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});

afterAll(async () => {
  await database.drop();
});

type Amounts = readonly [number, ...number[]];

/** Near soon, near after some calls, never near in a round. */
const tight: Amounts = [10, 200, 100_000, 1_000_000_000];
const wide: Amounts = [2000, 1_000_000_000, 2_000_000_000];
const far: Amounts = [1_000_000_000, 2_000_000_000];

function someLimits(random: Random, of: string, amounts: Amounts): SaidLimit[] {
  return Array.from({ length: random.between(0, 4) }, (_, number): SaidLimit => {
    const metric = random.pick(metrics);
    const window = random.pick(windows);
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
    requests: BigInt(random.pick([1, 1, 7, 300])),
    units: random.pick([[], [{ name: 'image', count: 2n }]]),
    settleNow: random.between(1, 3) === 1,
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
      // A call that is settled at once has no hold to expire, and is never in flight.
      const isInFlight = outcome.expiresAtMs !== undefined;
      const adds = outcome.decision === 'ALLOW' && (limit.metric !== 'CONCURRENCY' || isInFlight);
      all.push({ limit, adds });
      found.set(key, all);
    }
  }
  return found;
}

/* Planted once each, and seen red: what is settled at once added as held, or in flight; the asks of the call and of those behind it in the batch left in what it found;
   what is used read for what is held. Without the guard on sums never-oversubscribed admits too many,
   without the one on epochs policy-immediacy fails. */
test('whatever is near, each answer continues the one before it, and repeats itself', async () => {
  const random = createRandom();
  for (let round = 0; round < 12; round += 1) {
    const said = await checksOf(database, `random-${round}`);
    const amounts = [tight, wide, far][round % 3] ?? far;
    const ofUsers = [1, 2, 3].map((user) => {
      return [`user:u${user}`, { limits: someLimits(random, 'u', amounts) }];
    });
    const policies = {
      org: { limits: someLimits(random, 'o', amounts) },
      'team:red': { limits: someLimits(random, 't', amounts) },
      ...(Object.fromEntries(ofUsers) as Said['policies']),
    };
    const check = said({ policies });
    const start = (): Replica => startReplica(database);
    const [one, other, third] = [start(), start(), start()];
    const calls = Array.from({ length: 80 }, () => someCall(random));
    const answers = await Promise.all(
      calls.map((call, number) => check(number % 2 === 0 ? one : other, `r${number}`, call)),
    );
    if (amounts === far)
      expect(new Set([...one.ways, ...other.ways])).toEqual(new Set(['write_first']));
    for (const all of byMeasure(answers.map(({ outcome }) => outcome)).values()) {
      expectChain(all);
    }
    const repeats = await Promise.all(
      calls.map((call, number) => check(third, `r${number}`, call)),
    );
    expect(repeats).toEqual(answers.map((answer) => ({ ...answer, replayed: true })));
    // Red where a Check counts as one request, whatever its weight is.
    expect(await differencesOf(database.pool, `random-${round}`)).toEqual([]);
    await Promise.all([one, other, third].map(({ ledger }) => ledger.close()));
    expect(await differencesOf(database.pool, `random-${round}`)).toEqual([]);
  }
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
