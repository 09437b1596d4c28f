import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { conclude } from '../../../src/core/conclude.ts';
import { planCheck } from '../../../src/core/plan-check.ts';
import { metrics, windows } from '../../../src/core/policy.ts';
import { maxInt64 } from '../../../src/core/totals.ts';
import { decodeOutcome, encodeOutcome } from '../../../src/ledger/calls/outcome-record.ts';
import { totalsOf } from '../../support/totals.ts';
import { callOf, viewOf } from '../../support/view.ts';
import type { SaidRaise } from '../../support/raises.ts';
import type { SaidLimit } from '../../support/view.ts';

const nowMs = Date.parse('2026-03-10T09:00:00Z');

/** Small numbers, where limits meet, and seldom the ends of int64, where calls are refused. */
const number = fc.oneof(
  { weight: 40, arbitrary: fc.bigInt(0n, 60n) },
  { weight: 1, arbitrary: fc.bigInt(maxInt64 - 60n, maxInt64) },
);

const limits = fc
  .array(
    fc.record({
      metric: fc.constantFrom(...metrics),
      window: fc.constantFrom(...windows),
      amount: number,
      action: fc.constantFrom('BLOCK', 'WARN', 'DRY_RUN'),
      targets: fc.constantFrom([], [], ['gpt-4o']),
    }),
    { maxLength: 8 },
  )
  .map((made) =>
    made.map((limit, index): SaidLimit => {
      const window = limit.metric === 'CONCURRENCY' ? undefined : limit.window;
      return { ...limit, window, name: `l${index}` };
    }),
  );

const totals = fc.record({
  inFlight: fc.nat(9).map(BigInt),
  usedCost: number,
  usedInput: number,
  usedOutput: number,
  usedRequests: number,
  heldCost: number,
  heldInput: number,
  heldOutput: number,
});

const cases = fc.record({
  ofOrg: limits,
  ofUser: limits,
  totals: fc.tuple(totals, totals),
  input: number,
  output: fc.option(number, { nil: undefined }),
  cost: number,
  isBypassed: fc.boolean(),
});

/** Raises of some of the limits, one and two at a time, by the parity of their amounts. */
function raisesOf(subject: string, declared: readonly SaidLimit[]): SaidRaise[] {
  return declared.flatMap(({ name, metric, window, amount = 0n }) => {
    const of = { of: `${subject}/${name}`, metric, window };
    const one = { ...of, id: `${name}-a`, add: 3n, untilMs: nowMs + 1 };
    const two = { ...of, id: `${name}-b`, amount: amount + 5n, untilMs: nowMs + 2 };
    return [[], [one], [one, two]][Number(amount % 3n)] ?? [];
  });
}

// Planted once: what raises add left out; an ask by window instead of by metric, the ask left out of what remains, and a reset kept for
// LIFETIME; each red.
it('a first answer is read as it was given, whatever it says', () => {
  fc.assert(
    fc.property(cases, ({ ofOrg, ofUser, totals: [org, user], isBypassed, ...numbers }) => {
      const bypass = isBypassed ? { bypass: { cost: true, rate: true } } : {};
      const view = viewOf({
        policies: { org: { limits: ofOrg }, 'user:alice': { limits: ofUser, ...bypass } },
        raises: [...raisesOf('org', ofOrg), ...raisesOf('user:alice', ofUser)],
      });
      const { output, ...said } = numbers;
      const asked = output === undefined ? said : { ...said, output };
      const plan = planCheck(view, callOf({ user: 'alice', ...asked }), nowMs);
      const known = totalsOf(plan.meters, { org, 'user:alice': user });
      const outcome = conclude(plan, known, nowMs, nowMs + 600_000);
      expect(decodeOutcome(encodeOutcome(outcome, plan), plan.path)).toEqual(outcome);
    }),
    { numRuns: 1_000 },
  );
});
