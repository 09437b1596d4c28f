import type { Limit } from './policy.ts';
import type { MeterTotals } from './totals.ts';

/** What a limit's meter says in the limit's metric and window: CONCURRENCY holds what is in flight. */
export function limitTotals(limit: Limit, totals: MeterTotals): { used: bigint; held: bigint } {
  if (limit.metric === 'CONCURRENCY') return { used: 0n, held: totals.inFlight };
  const window = totals.window(limit.window ?? 'LIFETIME');
  switch (limit.metric) {
    case 'REQUESTS':
      return { used: window.usedRequests, held: 0n };
    case 'TOKENS':
      return {
        used: window.usedInput + window.usedOutput,
        held: window.heldInput + window.heldOutput,
      };
    case 'INPUT_TOKENS':
      return { used: window.usedInput, held: window.heldInput };
    case 'OUTPUT_TOKENS':
      return { used: window.usedOutput, held: window.heldOutput };
    case 'COST':
      return { used: window.usedCost, held: window.heldCost };
  }
}
