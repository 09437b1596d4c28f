import type { Window } from './policy.ts';

/** What a meter says of one window, all int64: nano-USD, tokens, calls. */
export interface WindowTotals {
  readonly usedCost: bigint;
  readonly usedInput: bigint;
  readonly usedOutput: bigint;
  readonly usedRequests: bigint;
  readonly heldCost: bigint;
  readonly heldInput: bigint;
  readonly heldOutput: bigint;
}

/** One meter in its current windows. */
export interface MeterTotals {
  readonly inFlight: bigint;
  window(window: Window): WindowTotals;
}

/** The totals of the meters of a plan, by the meter's index in `plan.meters`. */
export type TotalsOf = (meterIndex: number) => MeterTotals;

/** The largest amount that a counter, an ask or a limit can have. */
export const maxInt64 = 9_223_372_036_854_775_807n;

/** A sum as a meter keeps it: what would pass int64 stays at its largest value. */
export function saturated(sum: bigint): bigint {
  if (sum > maxInt64) return maxInt64;
  return sum < -maxInt64 ? -maxInt64 : sum;
}
