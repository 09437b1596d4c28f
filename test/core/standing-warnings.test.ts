import { expect, it } from 'vitest';
import { planCheck } from '../../src/core/plan-check.ts';
import { windows } from '../../src/core/policy.ts';
import { standingWarnings } from '../../src/core/standing-warnings.ts';
import { windowAt } from '../../src/core/window.ts';
import { capped, costLimit as cost, decidedAtMs as nowMs } from '../support/decide.ts';
import { totalsOf } from '../support/totals.ts';
import type { SaidTotals } from '../support/totals.ts';
import { callOf, viewOf } from '../support/view.ts';
import type { SaidLimit } from '../support/view.ts';

/** What is warned of, where the organization's meter knows this; `lateMs`: its windows began that much before now's. */
function warningsOf(limit: SaidLimit, org: SaidTotals, { isLifted = false, lateMs = 0 } = {}) {
  const plan = planCheck(viewOf(capped(limit)), callOf({}), nowMs);
  const bypass = { ...plan.bypass, cost: isLifted };
  const startsMs = windows.map((window) => windowAt(plan.calendar, window, nowMs).startMs);
  const startOf = (_meter: number, window: number): number => (startsMs[window] ?? 0) - lateMs;
  const totals = totalsOf(plan.meters, { org });
  return standingWarnings({ ...plan, bypass }, totals, startOf, startsMs, nowMs);
}

// Seen red: `>=` for the amount, an ask of one, a lifted limit that is EXCEEDED.
it.each<[status: string | undefined, limit: Partial<SaidLimit>, usedCost: bigint]>([
  [undefined, { thresholds: [] }, 10n],
  [undefined, { thresholds: [80] }, 7n],
  ['NEAR', { thresholds: [80] }, 8n],
  ['NEAR', { thresholds: [80] }, 10n],
  ['EXCEEDED', { thresholds: [] }, 11n],
  ['WARNED', { action: 'WARN' }, 11n],
  ['DRY_RUN', { action: 'DRY_RUN' }, 11n],
])('a settled call leaves a limit %s: %o with %d of 10 used', (status, different, usedCost) => {
  const limit = cost('cap', 10n, different);
  expect(warningsOf(limit, { usedCost })[0]?.status).toBe(status);
  const lifted = warningsOf(limit, { usedCost }, { isLifted: true })[0]?.status;
  expect(lifted).toBe(status === 'EXCEEDED' ? 'BYPASSED' : status);
});

it('says what is used and held, with nothing asked, and when the window ends', () => {
  const limit = cost('cap', 10n, { window: 'HOUR', action: 'WARN' });
  expect(warningsOf(limit, { usedCost: 9n, heldCost: 4n })).toMatchObject([
    { used: 9n, held: 4n, ask: 0n, remaining: 0n, resetsAtMs: nowMs + 3_600_000 },
  ]);
});

it('counts nothing of a window that is over, but calls in flight and all time', () => {
  const late = { lateMs: 1 };
  const org = { usedCost: 99n, inFlight: 3n };
  expect(warningsOf(cost('cap', 10n, { window: 'DAY' }), org, late)).toEqual([]);
  expect(warningsOf({ name: 'open', metric: 'CONCURRENCY', amount: 2n }, org, late)).toMatchObject([
    { status: 'EXCEEDED', held: 3n },
  ]);
  expect(warningsOf(cost('cap', 10n, { window: 'LIFETIME' }), org)).toHaveLength(1);
});
