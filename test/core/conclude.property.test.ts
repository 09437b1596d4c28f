import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { conclude, concludeOk, mostThatIsOk } from '../../src/core/conclude.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import type { CheckPlan } from '../../src/core/plan.ts';
import { planCheck } from '../../src/core/plan-check.ts';
import { metrics, windows } from '../../src/core/policy.ts';
import type { Window } from '../../src/core/policy.ts';
import { subjectText } from '../../src/core/subject.ts';
import { maxInt64 } from '../../src/core/totals.ts';
import { unitsOf } from '../../src/core/units.ts';
import { referenceOutcome } from '../support/reference-outcome.ts';
import type { ReferenceCall, ReferenceLimitState } from '../support/reference-outcome.ts';
import { totalsOf } from '../support/totals.ts';
import type { SaidTotals } from '../support/totals.ts';
import { callOf, viewOf } from '../support/view.ts';
import type { SaidLimit } from '../support/view.ts';

const declaring = ['user:alice', 'team:red', 'team:top', 'org'] as const;
const nowMs = Date.parse('2026-03-10T09:00:00Z');
const endsInMs: Record<Window, number | undefined> = {
  TEN_SECONDS: 10_000,
  MINUTE: 60_000,
  HOUR: 3_600_000,
  DAY: 15 * 3_600_000,
  WEEK: (5 * 24 + 15) * 3_600_000,
  MONTH: (21 * 24 + 15) * 3_600_000,
  LIFETIME: undefined,
};

const rates = {
  input: 1_000n,
  output: 2_000n,
  cacheWrite: 3_000n,
  cacheWrite1h: 5_000n,
  units: [{ name: 'image', rate: 7_000_000n }],
};

const limits = fc
  .array(
    fc.record({
      metric: fc.constantFrom(...metrics),
      window: fc.constantFrom(...windows),
      amount: fc.nat(40),
      action: fc.constantFrom('BLOCK', 'BLOCK', 'WARN', 'DRY_RUN'),
      thresholds: fc.constantFrom([], [80], [50, 100]),
    }),
    { maxLength: 4 },
  )
  .map((made) => made.map((limit, index) => ({ ...limit, name: `l${made.length - index}` })));

const small = fc.nat(9).map(BigInt);
const totals = fc.record({
  inFlight: small,
  usedCost: small,
  usedInput: small,
  usedOutput: small,
  usedRequests: small,
  heldCost: small,
  heldInput: small,
  heldOutput: small,
});

const cases = fc.record({
  limits: fc.tuple(limits, limits, limits, limits),
  totals: fc.tuple(totals, totals, totals, totals),
  input: fc.nat(12),
  output: fc.nat(12),
  written: fc.nat(12),
  writtenForHour: fc.nat(12),
  images: fc.constantFrom(0, 0, 1, 3),
  requests: fc.constantFrom(1, 1, 2, 7),
  cost: fc.constantFrom(undefined, undefined, 0, 5, 30),
  bypass: fc.record({ cost: fc.boolean(), rate: fc.boolean(), tokens: fc.boolean() }),
  hasBypass: fc.boolean(),
});

type Drawn = typeof cases extends fc.Arbitrary<infer T> ? T : never;
type Case = Drawn & ReferenceCall;

/** The parts of the input, none larger than what it is a part of. */
function withParts(drawn: Drawn): Case {
  const cacheWrite = drawn.written % (drawn.input + 1);
  return { ...drawn, cacheWrite, cacheWrite1h: drawn.writtenForHour % (cacheWrite + 1) };
}

/** The core's outcome, and the limits as the reference sees them: from the declarations, not from the core. */
function decided(made: Case): {
  readonly plan: CheckPlan;
  readonly outcome: Outcome;
  readonly states: ReferenceLimitState[];
} {
  const { input, output, cacheWrite, cacheWrite1h, images, requests, cost } = made;
  const { bypass, hasBypass } = made;
  const policies = declaring.map((subject, index) => ({
    limits: (made.limits[index] ?? []).map(({ metric, window, amount, ...rest }): SaidLimit => ({
      ...rest,
      metric,
      amount: BigInt(amount),
      window: metric === 'CONCURRENCY' ? undefined : window,
    })),
    ...(subject === 'user:alice' && hasBypass ? { bypass } : {}),
  }));
  const view = viewOf({
    teams: [{ id: 'top' }, { id: 'red', parent: 'top' }],
    models: [{ id: 'gpt-4o' }],
    prices: [{ subject: 'gpt-4o', perTokens: 1_000n, rates: [rates] }],
    policies: Object.fromEntries(
      declaring.map((subject, index) => [subject, policies[index] ?? {}]),
    ),
  });
  const call = callOf({
    user: 'alice',
    teams: ['red'],
    input: BigInt(input),
    output: BigInt(output),
    cacheWrite: BigInt(cacheWrite),
    cacheWrite1h: BigInt(cacheWrite1h),
    units: unitsOf([{ name: 'image', count: BigInt(images) }]),
    requests: BigInt(requests),
    ...(cost === undefined ? {} : { cost: BigInt(cost) }),
  });
  const plan = planCheck(view, call, nowMs);
  const byName = Object.fromEntries(
    declaring.map((name, index) => [name, made.totals[index] ?? {}]),
  );
  const outcome = conclude(plan, totalsOf(plan.meters, byName), nowMs, nowMs + 1);
  const states = declaring.flatMap((subject, distance) =>
    (made.limits[distance] ?? []).map((limit): ReferenceLimitState => {
      const { metric, amount, action, name, thresholds } = limit;
      const window = metric === 'CONCURRENCY' ? undefined : limit.window;
      const isShort = window === 'TEN_SECONDS' || window === 'MINUTE' || window === 'HOUR';
      const isRate = metric === 'REQUESTS' || metric === 'CONCURRENCY';
      const flag = isRate || isShort ? bypass.rate : bypass.tokens;
      return {
        distance,
        name,
        metric,
        action,
        amount,
        ...counted(metric, byName[subject] ?? {}),
        thresholds,
        endsInMs: window === undefined ? undefined : endsInMs[window],
        isLifted: hasBypass && (metric === 'COST' ? bypass.cost : flag),
      };
    }),
  );
  return { plan, outcome, states };
}

/** Where the outcome lists a declared limit; -1 if it does not. */
function placeOf({ distance, name }: ReferenceLimitState, { limits: listed }: Outcome): number {
  return listed.findIndex(
    (limit) => limit.name === name && subjectText(limit.subject) === declaring[distance],
  );
}

function counted(metric: string, said: SaidTotals): { used: number; held: number } {
  switch (metric) {
    case 'CONCURRENCY':
      return { used: 0, held: sum(said.inFlight) };
    case 'REQUESTS':
      return { used: sum(said.usedRequests), held: 0 };
    case 'COST':
      return { used: sum(said.usedCost), held: sum(said.heldCost) };
    case 'INPUT_TOKENS':
      return { used: sum(said.usedInput), held: sum(said.heldInput) };
    case 'OUTPUT_TOKENS':
      return { used: sum(said.usedOutput), held: sum(said.heldOutput) };
    default:
      return {
        used: sum(said.usedInput, said.usedOutput),
        held: sum(said.heldInput, said.heldOutput),
      };
  }
}

function sum(...parts: (bigint | undefined)[]): number {
  return parts.reduce<number>((all, part) => all + Number(part ?? 0n), 0);
}

// Seen red: no warning of a bypassed limit, `>=` for `>` at the limit, the share before the ask for the binding limit, and a limit left out of the plan.
it('decides as the reference does, to the binding limit and the affordable output', () => {
  fc.assert(
    fc.property(cases.map(withParts), (made) => {
      const { outcome, states } = decided(made);
      const places = states.map((state) => placeOf(state, outcome));
      expect(places.toSorted((a, b) => a - b)).toEqual([...outcome.limits.keys()]);
      const inOrder = places.map((place) => outcome.limits[place]);
      expect({
        decision: outcome.decision,
        reasons: outcome.reasons,
        statuses: inOrder.map((limit) => limit?.status),
        remaining: inOrder.map((limit) => Number(limit?.remaining)),
        binding: outcome.binding === undefined ? undefined : places.indexOf(outcome.binding),
        retryAfterMs: outcome.retryAfterMs,
        maxOutputTokens:
          outcome.maxOutputTokens === undefined ? undefined : Number(outcome.maxOutputTokens),
      }).toEqual(referenceOutcome(states, made));
      const near = [...outcome.limits.entries()].filter(([, { status }]) =>
        ['NEAR', 'WARNED', 'DRY_RUN', 'BYPASSED'].includes(status),
      );
      expect(outcome.warnings).toEqual(near.map(([index]) => index));
    }),
    { numRuns: 3_000 },
  );
});

// Seen red: sums read one place too early, a largest sum that is two too large, and the highest threshold for the lowest.
it('concludes from the sums alone what it concludes from the meters, if every limit stays OK', () => {
  let found = 0;
  fc.assert(
    fc.property(cases.map(withParts), (made) => {
      const { plan, outcome } = decided(made);
      const sums = outcome.limits.flatMap(({ used, held }) => [used, held]);
      const fromSums = () => concludeOk(plan, sums, nowMs, nowMs + 1);
      if (outcome.limits.every(({ status }) => status === 'OK')) {
        if (outcome.decision === 'ALLOW') expect(fromSums()).toEqual(outcome);
        found += outcome.limits.length;
      } else expect(fromSums).toThrow(/^limit \S+ is (NEAR|EXCEEDED|WARNED|DRY_RUN|BYPASSED)$/);
      for (const [index, { used, held, ask, status }] of outcome.limits.entries()) {
        const limit = plan.limits[index]?.limit;
        if (limit === undefined || ask === 0n) continue;
        expect(used + held + ask <= mostThatIsOk(limit)).toBe(status === 'OK');
      }
    }),
    { numRuns: 3_000 },
  );
  expect(found).toBeGreaterThan(100);
});

it('never lets the sums of allowed calls pass an amount, nor int64', () => {
  const big = fc.bigInt(0n, maxInt64);
  const calls = fc.array(fc.bigInt(0n, maxInt64), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(fc.option(big, { nil: undefined }), big, calls, (amount, usedCost, costs) => {
      const limit: SaidLimit = { name: 'cap', metric: 'COST', window: 'LIFETIME', amount };
      const view = viewOf({ policies: { org: { limits: [limit] } } });
      let heldCost = 0n;
      for (const cost of costs) {
        const plan = planCheck(view, callOf({ cost }), nowMs);
        const known = totalsOf(plan.meters, { org: { usedCost, heldCost } });
        const outcome = conclude(plan, known, nowMs, undefined);
        const fits = usedCost + heldCost + cost <= (amount ?? maxInt64);
        expect(outcome.decision).toBe(
          fits || (cost === 0n && usedCost + heldCost <= maxInt64) ? 'ALLOW' : 'DENY',
        );
        if (outcome.decision === 'ALLOW') heldCost += cost;
      }
    }),
    { numRuns: 1_000 },
  );
});
