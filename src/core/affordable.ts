import { int64Room } from './int64-room.ts';
import { isLifted } from './lifted.ts';
import { limitTotals } from './limit-totals.ts';
import type { CheckPlan } from './plan.ts';
import type { Reason } from './reason.ts';
import type { TotalsOf } from './totals.ts';

/**
 * The affordable output: on a denial for tokens or cost alone, the largest output of at least 1 token with
 * which nothing would block. Undefined if there is none, or if the caller gave the cost.
 */
export function affordableOutput(
  plan: CheckPlan,
  totals: TotalsOf,
  reasons: readonly Reason[],
): bigint | undefined {
  const isAlone = reasons.every(
    (reason) => reason === 'TOKENS_EXCEEDED' || reason === 'COST_EXCEEDED',
  );
  if (!isAlone || plan.costOfOutput === undefined) return undefined;
  const bounds = boundsOf(plan, totals);
  return bounds === undefined ? undefined : largestOutput(bounds, plan.costOfOutput);
}

interface Bounds {
  readonly output: bigint;
  /** Nano-USD that may be asked at most; who asks 0 passes all the same. */
  readonly cost: bigint;
}

/** What the enforced limits leave for output and for cost; undefined if the input alone is too much. */
function boundsOf(plan: CheckPlan, totals: TotalsOf): Bounds | undefined {
  const { input } = plan.hold;
  let { cost, tokens } = int64Room(plan, totals);
  // What was asked is too much already, so nothing above it can fit.
  let { output } = plan.hold;
  for (const { limit, meterIndex } of plan.limits) {
    if (limit.action !== 'BLOCK' || isLifted(limit, plan.bypass)) continue;
    const { used, held } = limitTotals(limit, totals(meterIndex));
    const left = limit.amount - used - held;
    switch (limit.metric) {
      case 'COST':
        if (left < cost) cost = left;
        break;
      case 'TOKENS':
        if (left < tokens) tokens = left;
        break;
      case 'OUTPUT_TOKENS':
        if (left < output) output = left;
        break;
      case 'INPUT_TOKENS':
        if (plan.asks.INPUT_TOKENS > left) return undefined;
        break;
      case 'REQUESTS':
      case 'CONCURRENCY':
        break;
    }
  }
  return { output: tokens - input < output ? tokens - input : output, cost };
}

/** Cost grows with output, so the largest that fits is found by halving. */
function largestOutput(bounds: Bounds, costOf: (output: bigint) => bigint): bigint | undefined {
  const fits = (output: bigint): boolean => {
    const cost = costOf(output);
    return cost === 0n || cost <= bounds.cost;
  };
  if (bounds.output < 1n || !fits(1n)) return undefined;
  let low = 1n;
  let high = bounds.output;
  while (low < high) {
    const middle = (low + high + 1n) / 2n;
    if (fits(middle)) low = middle;
    else high = middle - 1n;
  }
  return low;
}
