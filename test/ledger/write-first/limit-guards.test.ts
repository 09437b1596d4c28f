import { expect, test } from 'vitest';
import { meterOf } from '../../../src/core/meter.ts';
import type { PlannedLimit } from '../../../src/core/plan.ts';
import type { Limit } from '../../../src/core/policy.ts';
import { OptimisticMeters } from '../../../src/ledger/write-first/expected-meters.ts';
import { limitGuards } from '../../../src/ledger/write-first/limit-guards.ts';
import type { OptimisticMember } from '../../../src/ledger/write-first/limit-guards.ts';
import { countersOf } from '../../../src/ledger/meters/call-delta.ts';
import { limit } from '../../policies/builders.ts';
import { createRandom } from '../../support/random.ts';

const org = { kind: 'org', id: '' } as const;
const meter = meterOf(org);

/** A Check of some requests against limits of requests a day. */
interface Asked {
  readonly requests: bigint;
  readonly limits: readonly bigint[];
}

function plannedLimit(amount: bigint, index: number, more: Partial<Limit> = {}): PlannedLimit {
  const declared = { ...limit(`l${index}`), thresholds: [], ...more, amount };
  return { subject: org, revision: 1, limit: declared, meterIndex: 0 };
}

function guardsOf(asked: readonly Asked[], more: Partial<Limit> = {}) {
  const added = new OptimisticMeters();
  const members = asked.map(({ requests, limits }): OptimisticMember => {
    const delta = {
      meters: [meter],
      starts: [0, 0, 0, 0, 0, 0, 0],
      inFlight: 1n,
      counters: countersOf({ usedRequests: requests }),
    };
    const asks = {
      COST: 0n,
      INPUT_TOKENS: 0n,
      OUTPUT_TOKENS: 0n,
      TOKENS: 0n,
      REQUESTS: requests,
      CONCURRENCY: 1n,
    };
    const planned = limits.map((amount, index) => plannedLimit(amount, index, more));
    return { meters: added.add('acme', delta), delta, optimistic: { limits: planned, asks } };
  });
  return limitGuards(members, added.sorted());
}

/** Whether the row that the batch leaves passes every guard. */
function passes(rowAfter: bigint, { most }: ReturnType<typeof guardsOf>): boolean {
  return most.every((bound) => rowAfter <= bound);
}

/** The same question, asked of each Check in turn. */
function allAllowed(rowBefore: bigint, asked: readonly Asked[]): boolean {
  let used = rowBefore;
  return asked.every(({ requests, limits }) => {
    const isAllowed = requests === 0n || limits.every((amount) => used + requests <= amount);
    used += requests;
    return isAllowed;
  });
}

/*
 * Seen red with: a slack that leaves out the member's own addition, a bound of the largest instead of the smallest
 * limit, and a guard on an ask of 0.
 */
test('the guards hold exactly where each Check is allowed on the sums that the ones before it leave', () => {
  const random = createRandom();
  const seen = { true: 0, false: 0 };
  for (let round = 0; round < 2000; round += 1) {
    const asked = Array.from({ length: random.between(1, 5) }, (): Asked => ({
      requests: BigInt(random.pick([0, 1, 1, 2, 3])),
      limits: Array.from({ length: random.between(0, 3) }, () => BigInt(random.between(0, 12))),
    }));
    const before = BigInt(random.between(0, 8));
    const after = asked.reduce((sum, { requests }) => sum + requests, before);
    const expected = allAllowed(before, asked);
    seen[`${expected}`] += 1;
    expect(passes(after, guardsOf(asked)), JSON.stringify({ before: String(before), round })).toBe(
      expected,
    );
  }
  expect(Math.min(seen.true, seen.false)).toBeGreaterThan(100);
});

test('limits that are read from the same columns need one guard, the smallest', () => {
  const { guarded, most } = guardsOf([
    { requests: 1n, limits: [10n, 7n] },
    { requests: 2n, limits: [9n] },
  ]);
  expect(guarded).toHaveLength(3);
  // The first Check finds 3 more in the row than it found before: 7 + 3 − 1.
  expect(most).toEqual([9n]);
});

test('what an answer shows of a member is the row less what it and those after it add', () => {
  const { first, last, since } = guardsOf([
    { requests: 1n, limits: [10n] },
    { requests: 2n, limits: [] },
    { requests: 4n, limits: [10n] },
  ]);
  expect(first.map((from, index) => since.slice(from, last[index]))).toEqual([[7, 0], [], [4, 0]]);
});

test('a threshold is guarded for an ask of 0 too', () => {
  const { most } = guardsOf([{ requests: 0n, limits: [10n] }], { thresholds: [50] });
  expect(most).toEqual([4n]);
});
