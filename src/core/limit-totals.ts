import type { Limit, Metric } from './policy.ts';
import type { MeterTotals, WindowTotals } from './totals.ts';

/** The counters of a window that a metric adds up. */
export interface MetricCounters {
  readonly used: readonly (keyof WindowTotals)[];
  readonly held: readonly (keyof WindowTotals)[];
}

/** What each metric counts. CONCURRENCY has no counters: it is what a meter has in flight. */
export const countersOfMetric: Readonly<Record<Exclude<Metric, 'CONCURRENCY'>, MetricCounters>> = {
  COST: { used: ['usedCost'], held: ['heldCost'] },
  INPUT_TOKENS: { used: ['usedInput'], held: ['heldInput'] },
  OUTPUT_TOKENS: { used: ['usedOutput'], held: ['heldOutput'] },
  TOKENS: { used: ['usedInput', 'usedOutput'], held: ['heldInput', 'heldOutput'] },
  REQUESTS: { used: ['usedRequests'], held: [] },
};

/** What a limit's meter says in the limit's metric and window. */
export function limitTotals(limit: Limit, totals: MeterTotals): { used: bigint; held: bigint } {
  if (limit.metric === 'CONCURRENCY') return { used: 0n, held: totals.inFlight };
  const window = totals.window(limit.window ?? 'LIFETIME');
  const { used, held } = countersOfMetric[limit.metric];
  return { used: sum(window, used), held: sum(window, held) };
}

function sum(window: WindowTotals, counters: readonly (keyof WindowTotals)[]): bigint {
  let total = 0n;
  for (const counter of counters) total += window[counter];
  return total;
}
