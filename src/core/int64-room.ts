import type { CheckPlan } from './plan.ts';
import { maxInt64 } from './totals.ts';
import type { TotalsOf } from './totals.ts';

/** What can still be added to a call's meters before a sum passes int64, with or without limits. */
export interface Int64Room {
  readonly tokens: bigint;
  readonly cost: bigint;
}

/** The least room among the meters of a plan. LIFETIME has the largest sums of a meter. */
export function int64Room(plan: CheckPlan, totals: TotalsOf): Int64Room {
  let mostTokens = 0n;
  let mostCost = 0n;
  for (const index of plan.meters.keys()) {
    const lifetime = totals(index).window('LIFETIME');
    const { usedInput, usedOutput, heldInput, heldOutput } = lifetime;
    const tokens = usedInput + usedOutput + heldInput + heldOutput;
    const cost = lifetime.usedCost + lifetime.heldCost;
    if (tokens > mostTokens) mostTokens = tokens;
    if (cost > mostCost) mostCost = cost;
  }
  return { tokens: maxInt64 - mostTokens, cost: maxInt64 - mostCost };
}
