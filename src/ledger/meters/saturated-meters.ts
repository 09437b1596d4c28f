import { maxInt64 } from '../../core/totals.ts';
import type { MeterSum } from './batch-deltas.ts';
import type { BatchState } from '../decide-first/batch-state.ts';
import { windowOffsets } from '../sql/apply-deltas.ts';

/** Where used cost, input and output of LIFETIME stand in a row: the largest sums of a meter. */
const lifetimeUsed = [0, 1, 2].map((at) => (windowOffsets.at(-1)?.counters ?? 0) + at);

const bound = String(maxInt64);

/** Tells of each meter of a batch whose sums have reached the largest int64. */
export function tellSaturated(
  sums: readonly MeterSum[],
  meters: BatchState['meters'],
  onSaturated: ((orgId: string, meter: string) => void) | undefined,
): void {
  for (const [index, { orgId, meter }] of sums.entries()) {
    const row = meters[index]?.row;
    if (lifetimeUsed.some((at) => row?.[at] === bound)) onSaturated?.(orgId, meter.name);
  }
}
