import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { conclude } from '../../src/core/conclude.ts';
import { planCheck } from '../../src/core/plan-check.ts';
import { totalsOf } from '../support/totals.ts';
import type { SaidTotals } from '../support/totals.ts';
import { callOf, viewOf } from '../support/view.ts';
import type { SaidLimit } from '../support/view.ts';

/*
 * What a denial says of waiting, against what happens: nothing else is used, windows end, raises end, and the same call is
 * planned and decided again at each instant that could change anything. The first at which it is allowed is the answer, if
 * there is one.
 */
const nowMs = Date.parse('2026-03-10T22:00:00Z');
const dayEndMs = Date.parse('2026-03-11T00:00:00Z');
const weekEndMs = Date.parse('2026-03-16T00:00:00Z');
const ends = [nowMs + 1, dayEndMs - 1, dayEndMs, dayEndMs + 1, weekEndMs, weekEndMs + 1];

const windows = ['DAY', 'WEEK', 'LIFETIME'] as const;
const small = fc.bigInt(0n, 12n);
const limits = fc.array(
  fc.record({
    window: fc.constantFrom(...windows),
    amount: small,
    action: fc.constantFrom('BLOCK', 'BLOCK', 'WARN'),
    raises: fc.array(
      fc.record({
        change: fc.oneof(
          small.map((add) => ({ add })),
          small.map((amount) => ({ amount })),
        ),
        untilMs: fc.constantFrom(...ends),
      }),
      { maxLength: 3 },
    ),
  }),
  { minLength: 1, maxLength: 4 },
);

/** What the organization has used: an end of a window ends what was used in it. */
function usedAt(used: bigint, atMs: number): SaidTotals {
  const day = { usedCost: atMs < dayEndMs ? used : 0n };
  const week = { usedCost: atMs < weekEndMs ? used : 0n };
  return { usedCost: used, windows: { DAY: day, WEEK: week } };
}

// Planted, and seen red, each by itself: the amount of now instead of the amount of then; only the limits that are exceeded
// now looked at; what was used kept after its window.
it('a denial names the first instant at which the same call would pass, if nothing else happens', () => {
  fc.assert(
    fc.property(limits, small, fc.bigInt(1n, 14n), (declared, used, cost) => {
      const said = declared.map(({ window, amount, action }, index): SaidLimit => {
        return { name: `l${index}`, metric: 'COST', window, amount, action };
      });
      const raises = declared.flatMap(({ raises: all, window }, index) =>
        all.map(({ change, untilMs }) => ({ of: `org/l${index}`, window, ...change, untilMs })),
      );
      const view = viewOf({ policies: { org: { limits: said } }, raises });
      const decide = (atMs: number) => {
        const plan = planCheck(view, callOf({ cost }), atMs);
        return conclude(plan, totalsOf(plan.meters, { org: usedAt(used, atMs) }), atMs, undefined);
      };
      const outcome = decide(nowMs);
      fc.pre(outcome.decision === 'DENY');
      const first = [dayEndMs, weekEndMs].find((atMs) => decide(atMs).decision === 'ALLOW');
      const wanted = first === undefined ? undefined : first - nowMs;
      expect(outcome.retryAfterMs).toBe(wanted);
    }),
    { numRuns: 3_000, maxSkipsPerRun: 20 },
  );
});
