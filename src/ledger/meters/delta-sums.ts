import { saturated } from '../../core/totals.ts';
import type { WindowStarts } from './call-delta.ts';
import { counters, deltaWidth, windowOffsets } from '../sql/apply-deltas.ts';

/** What was added in the windows of one instant; `counters` in the order of a meter's columns. */
export interface DeltaPart {
  readonly starts: WindowStarts;
  readonly counters: readonly bigint[];
}

interface PartSums extends DeltaPart {
  readonly counters: bigint[];
}

/**
 * Deltas of one meter added up, apart for each set of windows: there are few, since most operations of a
 * batch are booked at the same instant, and seven sums are kept of a set instead of seven per window.
 */
export class DeltaSums {
  inFlight = 0n;
  readonly parts: PartSums[] = [];

  /** Adds a delta; `sign` -1n takes it back. */
  add(delta: DeltaPart, inFlight: bigint, sign: 1n | -1n = 1n): void {
    this.inFlight += sign * inFlight;
    const sums = this.#part(delta.starts).counters;
    for (let at = 0; at < counters.length; at += 1) {
      const value = delta.counters[at] ?? 0n;
      if (value !== 0n) sums[at] = (sums[at] ?? 0n) + sign * value;
    }
  }

  /** The columns of `apply-deltas`. Where sets of windows differ, the older window gives way to the newer. */
  columns(): bigint[] {
    const [part, another] = this.parts;
    if (part !== undefined && another === undefined) return columnsOfOne(this.inFlight, part);
    const values = Array.from({ length: deltaWidth }, () => 0n);
    values[0] = this.inFlight;
    for (const one of this.parts) place(values, one);
    return values.map(saturated);
  }

  #part(starts: WindowStarts): PartSums {
    for (const part of this.parts) if (isSame(part.starts, starts)) return part;
    const made = { starts, counters: [0n, 0n, 0n, 0n, 0n, 0n, 0n] };
    this.parts.push(made);
    return made;
  }
}

/** The usual case, without comparing starts: the same seven sums in each window. */
function columnsOfOne(inFlight: bigint, { starts, counters: added }: DeltaPart): bigint[] {
  const sums = added.map(saturated);
  const values = [inFlight];
  for (const [index, offset] of windowOffsets.entries()) {
    if (offset.start >= 0) values.push(BigInt(starts[index] ?? 0));
    values.push(...sums);
  }
  return values;
}

function place(values: bigint[], part: DeltaPart): void {
  for (const [index, offset] of windowOffsets.entries()) {
    const start = BigInt(part.starts[index] ?? 0);
    const known = offset.start < 0 ? start : (values[offset.start] ?? 0n);
    if (start < known) continue;
    if (start > known) values[offset.start] = start;
    for (let at = 0; at < counters.length; at += 1) {
      const before = start > known ? 0n : (values[offset.counters + at] ?? 0n);
      values[offset.counters + at] = before + (part.counters[at] ?? 0n);
    }
  }
}

function isSame(a: WindowStarts, b: WindowStarts): boolean {
  return a === b || a.every((start, index) => start === b[index]);
}
