import { considered, statusOf } from './conclude.ts';
import { limitTotals } from './limit-totals.ts';
import type { ConsideredLimit } from './outcome.ts';
import type { CheckPlan, PlannedLimit } from './plan.ts';
import { windows } from './policy.ts';
import type { TotalsOf } from './totals.ts';

/** The limits of a call, and what decides how they stand. */
export type Standing = Pick<CheckPlan, 'limits' | 'meters' | 'calendar' | 'bypass'>;

/** The start of the window that a meter is in, by the index of the meter and of the window. */
export type StartOf = (meterIndex: number, windowIndex: number) => number;

/**
 * The limits to warn of once a call is settled, as their meters then stand in the windows of now: a threshold is reached,
 * or the amount is passed. Nothing is asked for any more. `startsMs` are the starts of now's windows; a meter that has
 * not entered one of them has used nothing in it.
 */
export function standingWarnings(
  plan: Standing,
  totals: TotalsOf,
  startOf: StartOf,
  startsMs: readonly number[],
  nowMs: number,
): ConsideredLimit[] {
  return plan.limits.flatMap((planned) => {
    const { limit, meterIndex } = planned;
    const isCurrent = isInWindow(planned, startOf, startsMs);
    const { used, held } = isCurrent ? limitTotals(limit, totals(meterIndex)) : nothing;
    const sum = used + held;
    const status = statusOf(limit, sum, sum > limit.amount, plan.bypass);
    if (status === 'OK') return [];
    return [considered({ planned, used, held, ask: 0n, status }, plan, true, nowMs)];
  });
}

const nothing = { used: 0n, held: 0n };

function isInWindow(
  { limit: { window }, meterIndex }: PlannedLimit,
  startOf: StartOf,
  startsMs: readonly number[],
): boolean {
  if (window === undefined) return true;
  const index = windows.indexOf(window);
  return startOf(meterIndex, index) >= (startsMs[index] ?? 0);
}
