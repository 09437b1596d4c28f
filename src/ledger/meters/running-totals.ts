import { windows } from '../../core/policy.ts';
import type { Window } from '../../core/policy.ts';
import { maxInt64 } from '../../core/totals.ts';
import type { MeterTotals, WindowTotals } from '../../core/totals.ts';
import type { CallDelta } from './call-delta.ts';
import { DeltaSums } from './delta-sums.ts';
import { isLarge } from '../operations/large.ts';
import { counters, windowOffsets } from '../sql/apply-deltas.ts';

/** Used cost, input and output stand first among `counters`, and saturate. */
const usedAmounts = 3;

/** Where they stand in a row for LIFETIME, which has the largest sums. */
const lifetimeUsed = Array.from(
  { length: usedAmounts },
  (_, at) => (windowOffsets.at(-1)?.counters ?? 0) + at,
);

/** A sum with fewer digits is below 10^18; a batch whose asks are not large cannot take it to int64. */
const nearBoundDigits = 19;

/**
 * One meter while a batch is walked: what the row held before the batch, plus what the operations walked
 * so far have added. So each operation is decided on the exact sums that the one before it left.
 */
export class RunningTotals implements MeterTotals {
  /** In the columns of `apply-deltas`; a number that came as text is read when a limit asks for it. */
  #row: readonly (bigint | string)[];
  #windows: (RunningWindow | undefined)[] = [];
  /** What the row must be added to be what it was before the batch, and what has been added since. */
  readonly #change = new DeltaSums();

  /** `row` as it came back, `added` what the batch has put into it. */
  constructor(row: readonly (bigint | string)[], added?: DeltaSums) {
    this.#row = row;
    for (const part of added?.parts ?? []) this.#change.add(part, 0n, -1n);
    this.#change.inFlight = -(added?.inFlight ?? 0n);
  }

  get inFlight(): bigint {
    return BigInt(this.#row[0] ?? 0) + this.#change.inFlight;
  }

  window(window: Window): WindowTotals {
    const index = windows.indexOf(window);
    return (this.#windows[index] ??= new RunningWindow(
      index,
      this.startMs(index),
      countersOf(this.#row, index),
      this.#change,
    ));
  }

  /** The start of a window's counters, by the window's index. */
  startMs(index: number): number {
    const at = windowOffsets[index]?.start ?? -1;
    return at < 0 ? 0 : Number(this.#row[at] ?? 0);
  }

  /** False where no sum of what was used can have reached the largest int64: a cheap test that spares the exact one. */
  get mayBeSaturated(): boolean {
    return lifetimeUsed.some(
      (at, counter) =>
        String(this.#row[at]).length >= nearBoundDigits ||
        this.#change.parts.some(({ counters: added }) => isLarge(added[counter] ?? 0n)),
    );
  }

  /** Adds the record's sums of a meter that was just created; its newer windows win. */
  join(filled: readonly bigint[]): void {
    const values = this.#row.map((value) => BigInt(value));
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
    this.#row = values;
    this.#windows = [];
  }

  /** Adds an operation that stays; it counts in the windows that are those of the row. */
  add(delta: CallDelta): void {
    this.#change.add(delta, delta.inFlight);
  }
}

function countersOf(row: readonly (bigint | string)[], index: number): bigint[] {
  const at = windowOffsets[index]?.counters ?? 0;
  return row.slice(at, at + counters.length).map((value) => BigInt(value));
}

/** One window of a meter: its counters in the row, and those changes that were made in the same window. */
class RunningWindow implements WindowTotals {
  readonly #index: number;
  readonly #startMs: number;
  readonly #row: readonly bigint[];
  readonly #change: DeltaSums;

  constructor(index: number, startMs: number, row: readonly bigint[], change: DeltaSums) {
    this.#index = index;
    this.#startMs = startMs;
    this.#row = row;
    this.#change = change;
  }

  get usedCost(): bigint {
    return this.#counter(0);
  }

  get usedInput(): bigint {
    return this.#counter(1);
  }

  get usedOutput(): bigint {
    return this.#counter(2);
  }

  get usedRequests(): bigint {
    return this.#counter(3);
  }

  get heldCost(): bigint {
    return this.#counter(4);
  }

  get heldInput(): bigint {
    return this.#counter(5);
  }

  get heldOutput(): bigint {
    return this.#counter(6);
  }

  /** `at` is the counter's place among `counters`. */
  #counter(at: number): bigint {
    let sum = this.#row[at] ?? 0n;
    // How much of the batch went into a sum that stays at the bound is not known: it stood there before too.
    if (sum === maxInt64 && at < usedAmounts) return sum;
    for (const part of this.#change.parts) {
      if (part.starts[this.#index] === this.#startMs) sum += part.counters[at] ?? 0n;
    }
    return sum;
  }
}
