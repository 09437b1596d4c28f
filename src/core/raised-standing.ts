import { considered, statusOf } from './conclude.ts';
import { noBypass } from './lifted.ts';
import { limitTotals } from './limit-totals.ts';
import type { OrganizationView } from './organization-view.ts';
import type { ConsideredLimit } from './outcome.ts';
import { raisedAt } from './raise.ts';
import { raisesOf } from './raises-of-limit.ts';
import type { EffectiveLimit } from './resolve.ts';
import type { MeterTotals } from './totals.ts';

/** How a limit stands when nothing is asked. */
export interface RaisedStanding {
  readonly limit: ConsideredLimit;
  /** OVER: nothing is left. NEAR: its lowest threshold is reached, or 80 percent of a limit without thresholds. */
  readonly standing: 'OK' | 'NEAR' | 'OVER';
}

const usualThreshold = 80;

/** How a limit stands on its meter at an instant, with the raises that are in force then. */
export function raisedStanding(
  view: OrganizationView,
  effective: EffectiveLimit,
  totals: MeterTotals,
  nowMs: number,
): RaisedStanding {
  const { subject, revision, limit: declared, meter } = effective;
  const found = raisedAt(declared.amount, raisesOf(view, effective), nowMs);
  const amount = found?.amount ?? declared.amount;
  const limit = { ...declared, amount };
  const { used, held } = limitTotals(limit, totals);
  const sum = used + held;
  const status = statusOf(limit, sum, sum > amount, noBypass);
  const planned = { subject, revision, limit, meterIndex: 0 };
  const { calendar } = view.organization;
  const judged = { planned, used, held, ask: 0n, status };
  const shown = considered(judged, { meters: [meter], calendar }, true, nowMs);
  const standing = standingOf(limit, sum);
  if (found === undefined) return { limit: shown, standing };
  const { declared: before, applied } = found;
  return { limit: { ...shown, raised: { declared: before, applied } }, standing };
}

function standingOf({ amount, thresholds }: EffectiveLimit['limit'], sum: bigint) {
  if (sum >= amount) return 'OVER';
  const lowest = thresholds.length === 0 ? usualThreshold : Math.min(...thresholds);
  return 100n * sum >= BigInt(lowest) * amount ? 'NEAR' : 'OK';
}
