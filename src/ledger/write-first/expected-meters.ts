import { isDerived } from '../../core/meter.ts';
import type { Meter } from '../../core/meter.ts';
import { inLockOrder } from '../meters/batch-deltas.ts';
import type { CallDelta, WindowStarts } from '../meters/call-delta.ts';
import { counters, deltaWidth, windowOffsets } from '../sql/apply-deltas.ts';

/** The place of a meter's calls in flight, behind its seven counters. */
export const inFlightCounter = counters.length;

/**
 * What an optimistic batch adds to one meter. Plain numbers: the asks of such a batch are small, so their sums
 * are exact, and they leave no garbage.
 */
export interface OptimisticMeter {
  readonly orgId: string;
  readonly meter: Meter;
  readonly complete: boolean;
  readonly starts: WindowStarts;
  /** The seven counters of every window, and in flight. */
  readonly added: number[];
  /** From 1, in lock order, once all is added. */
  number: number;
}

/** Adds up what the Checks of a batch ask, all booked now. */
export class OptimisticMeters {
  readonly #byOrg = new Map<string, Map<string, OptimisticMeter>>();

  /** Adds an ask to its meters, and says which they are, in the order of the ask's. */
  add(
    orgId: string,
    { meters, starts, counters: requested, inFlight }: CallDelta,
  ): OptimisticMeter[] {
    let ofOrg = this.#byOrg.get(orgId);
    if (ofOrg === undefined) this.#byOrg.set(orgId, (ofOrg = new Map<string, OptimisticMeter>()));
    const found: OptimisticMeter[] = [];
    for (const meter of meters) {
      let kept = ofOrg.get(meter.name);
      if (kept === undefined) {
        const complete = !isDerived(meter);
        kept = { orgId, meter, complete, starts, added: [0, 0, 0, 0, 0, 0, 0, 0], number: 0 };
        ofOrg.set(meter.name, kept);
      }
      change(kept.added, requested, inFlight, 1);
      found.push(kept);
    }
    return found;
  }

  /** All meters in lock order, numbered. */
  sorted(): OptimisticMeter[] {
    const all = inLockOrder(this.#byOrg);
    for (const [index, kept] of all.entries()) kept.number = index + 1;
    return all;
  }
}

/** Adds an ask's counters, or takes them away. */
export function change(
  sums: number[],
  requested: readonly bigint[],
  inFlight: bigint,
  sign: 1 | -1,
): void {
  for (let at = 0; at < counters.length; at += 1) {
    sums[at] = (sums[at] ?? 0) + sign * Number(requested[at] ?? 0n);
  }
  sums[inFlightCounter] = (sums[inFlightCounter] ?? 0) + sign * Number(inFlight);
}

/** The columns of `apply-deltas` for each meter; one array, used again for the next. */
export function* columnsOf(meters: readonly OptimisticMeter[]): Generator<Float64Array> {
  const values = new Float64Array(deltaWidth);
  for (const { starts, added } of meters) {
    values[0] = added[inFlightCounter] ?? 0;
    for (const [index, { start, counters: first }] of windowOffsets.entries()) {
      if (start >= 0) values[start] = starts[index] ?? 0;
      for (let at = 0; at < counters.length; at += 1) values[first + at] = added[at] ?? 0;
    }
    yield values;
  }
}
