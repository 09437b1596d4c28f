import { conclude } from '../../src/core/conclude.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import { planCheck } from '../../src/core/plan-check.ts';
import { totalsOf } from './totals.ts';
import type { SaidTotals } from './totals.ts';
import { callOf, viewOf } from './view.ts';
import type { Said, SaidCall, SaidLimit } from './view.ts';

/** The instant at which `decide` decides: a Tuesday, nine o'clock UTC. */
export const decidedAtMs = Date.parse('2026-03-10T09:00:00Z');

/** Plans a call and decides it on what its meters are said to know. */
export function decide(
  said: Said,
  call: SaidCall,
  totals: Readonly<Record<string, SaidTotals>> = {},
): Outcome {
  const plan = planCheck(viewOf(said), callOf(call), decidedAtMs);
  return conclude(plan, totalsOf(plan.meters, totals), decidedAtMs, decidedAtMs + 600_000);
}

/** An organization with limits of its own. */
export function capped(...limits: SaidLimit[]): Said {
  return { policies: { org: { limits } } };
}

/** A limit on cost. */
export function costLimit(
  name: string,
  amount: bigint | undefined,
  more: Partial<SaidLimit> = {},
): SaidLimit {
  return { name, metric: 'COST', amount, ...more };
}
