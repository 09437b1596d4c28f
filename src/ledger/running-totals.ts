import { windows } from '../core/policy.ts';
import type { Window } from '../core/policy.ts';
import type { MeterTotals, WindowTotals } from '../core/totals.ts';
import type { MeterSum } from './batch-deltas.ts';
import type { CallDelta } from './call-delta.ts';
import { counters, windowOffsets } from './sql/apply-deltas.ts';

/**
 * One meter while a batch is walked: what the row held before the batch, plus what the operations walked
 * so far have added. So each operation is decided on the exact sums that the one before it left.
 */
export class RunningTotals implements MeterTotals {
  /** In the columns of `apply-deltas`. */
  readonly #values: bigint[];

  constructor(values: bigint[]) {
    this.#values = values;
  }

  get inFlight(): bigint {
    return this.#values[0] ?? 0n;
  }

  window(window: Window): WindowTotals {
    return windowTotals(this.#values, windows.indexOf(window));
  }

  /** The start of a window's counters, by the window's index. */
  startMs(index: number): number {
    const at = windowOffsets[index]?.start ?? -1;
    return at < 0 ? 0 : Number(this.#values[at] ?? 0n);
  }

  /** Joins what the record says of a meter that was just born; its newer windows win. */
  join(filled: readonly bigint[]): void {
    const values = this.#values;
    values[0] = (values[0] ?? 0n) + (filled[0] ?? 0n);
    for (const offset of windowOffsets) {
      const start = offset.start < 0 ? 0n : (filled[offset.start] ?? 0n);
      const known = offset.start < 0 ? 0n : (values[offset.start] ?? 0n);
      if (start < known) continue;
      if (offset.start >= 0) values[offset.start] = start;
      for (let at = offset.counters; at < offset.counters + counters.length; at += 1) {
        const before = start > known ? 0n : (values[at] ?? 0n);
        values[at] = before + (filled[at] ?? 0n);
      }
    }
  }

  /** Adds an operation that stays, in the windows that are still those of the row. */
  add(delta: CallDelta): void {
    const values = this.#values;
    values[0] = (values[0] ?? 0n) + delta.inFlight;
    for (const [index, offset] of windowOffsets.entries()) {
      if (offset.start >= 0 && values[offset.start] !== BigInt(delta.starts[index] ?? 0)) continue;
      for (let at = 0; at < counters.length; at += 1) {
        const value = delta.counters[at] ?? 0n;
        if (value !== 0n)
          values[offset.counters + at] = (values[offset.counters + at] ?? 0n) + value;
      }
    }
  }
}

/** The counters of a window, by its index, in a row of `apply-deltas`' columns. */
export function windowTotals(values: readonly bigint[], index: number): WindowTotals {
  const at = windowOffsets[index]?.counters ?? 0;
  return {
    usedCost: values[at] ?? 0n,
    usedInput: values[at + 1] ?? 0n,
    usedOutput: values[at + 2] ?? 0n,
    usedRequests: values[at + 3] ?? 0n,
    heldCost: values[at + 4] ?? 0n,
    heldInput: values[at + 5] ?? 0n,
    heldOutput: values[at + 6] ?? 0n,
  };
}

/**
 * What a row held before the batch: what came back, less what the batch added, in the windows where it was
 * added (a row whose window is newer than the batch's took nothing).
 */
export function totalsBefore(returned: readonly bigint[], sum: MeterSum): RunningTotals {
  const values = [...returned];
  values[0] = (values[0] ?? 0n) - (sum.values[0] ?? 0n);
  for (const offset of windowOffsets) {
    if (offset.start >= 0 && values[offset.start] !== sum.values[offset.start]) continue;
    for (let at = 0; at < counters.length; at += 1) {
      const added = sum.values[offset.counters + at] ?? 0n;
      if (added !== 0n) values[offset.counters + at] = (values[offset.counters + at] ?? 0n) - added;
    }
  }
  return new RunningTotals(values);
}
