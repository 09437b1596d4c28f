import { isLifted } from './lifted.ts';
import { limitTotals } from './limit-totals.ts';
import type { CheckPlan } from './plan.ts';
import type { Reason } from './reason.ts';
import { maxInt64 } from './totals.ts';
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
  if (bounds === undefined || bounds.output < 1n) return undefined;
  return largestOutput(bounds, plan.costOfOutput);
}

interface Bounds {
  readonly output: bigint;
  /** Nano-USD that may be asked at most; undefined where nothing limits it. */
  readonly cost: bigint | undefined;
}

/** What the enforced limits leave for output and for cost; undefined if the input alone is too much. */
function boundsOf(plan: CheckPlan, totals: TotalsOf): Bounds | undefined {
  const input = plan.estimate.input;
  let output = maxInt64 - input;
  let cost: bigint | undefined;
  for (const { limit, meterIndex } of plan.limits) {
    if (limit.action !== 'BLOCK' || isLifted(limit, plan.bypass)) continue;
    const { used, held } = limitTotals(limit, totals(meterIndex));
    const left = limit.amount - used - held;
    switch (limit.metric) {
      case 'COST':
        if (cost === undefined || left < cost) cost = left;
        break;
      case 'TOKENS':
        if (left - input < output) output = left - input;
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
  return { output, cost };
}

/** Cost grows with output, so the largest that fits is found by halving. */
function largestOutput(bounds: Bounds, costOf: (output: bigint) => bigint): bigint | undefined {
  const fits = (output: bigint): boolean => {
    const cost = costOf(output);
    return cost === 0n || (cost <= maxInt64 && (bounds.cost === undefined || cost <= bounds.cost));
  };
  if (!fits(1n)) return undefined;
  let low = 1n;
  let high = bounds.output;
  while (low < high) {
    const middle = (low + high + 1n) / 2n;
    if (fits(middle)) low = middle;
    else high = middle - 1n;
  }
  return low;
}
