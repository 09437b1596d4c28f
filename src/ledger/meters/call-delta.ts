import type { Meter } from '../../core/meter.ts';
import { windows } from '../../core/policy.ts';
import { windowAt } from '../../core/window.ts';
import type { Calendar } from '../../core/window.ts';

/**
 * What one operation adds to each of its meters, in every window that `starts` still names. The counters
 * stand in the order of the meter's columns: used cost, input, output, requests; held cost, input, output.
 */
export interface CallDelta {
  readonly meters: readonly Meter[];
  readonly starts: WindowStarts;
  readonly inFlight: bigint;
  readonly counters: readonly bigint[];
}

/** The start of each window (milliseconds since 1970) at one instant, LIFETIME 0, in the order of `windows`. */
export type WindowStarts = readonly number[];

/** All windows that an instant lies in, and the span of instants that lie in the same ones. */
export interface WindowSpan {
  readonly starts: WindowStarts;
  readonly fromMs: number;
  /** Exclusive. */
  readonly untilMs: number;
}

/** The newest span of each calendar: most calls are booked now. */
const newest = new WeakMap<Calendar, WindowSpan>();

/** The windows of a calendar at an instant. */
export function windowSpan(calendar: Calendar, atMs: number): WindowSpan {
  const known = newest.get(calendar);
  if (known !== undefined && known.fromMs <= atMs && atMs < known.untilMs) return known;
  const bounds = windows.map((window) => windowAt(calendar, window, atMs));
  const span = {
    starts: bounds.map(({ startMs }) => startMs),
    fromMs: Math.max(...bounds.map(({ startMs }) => startMs)),
    untilMs: Math.min(...bounds.map(({ endMs }) => endMs)),
  };
  if (known === undefined || known.fromMs < span.fromMs) newest.set(calendar, span);
  return span;
}

/** The starts of the windows of a calendar at an instant. */
export function windowStarts(calendar: Calendar, atMs: number): WindowStarts {
  return windowSpan(calendar, atMs).starts;
}

/** The counters of a delta by name; absent ones are 0. */
export function countersOf(named: {
  readonly usedCost?: bigint;
  readonly usedInput?: bigint;
  readonly usedOutput?: bigint;
  readonly usedRequests?: bigint;
  readonly heldCost?: bigint;
  readonly heldInput?: bigint;
  readonly heldOutput?: bigint;
}): readonly bigint[] {
  return [
    named.usedCost ?? 0n,
    named.usedInput ?? 0n,
    named.usedOutput ?? 0n,
    named.usedRequests ?? 0n,
    named.heldCost ?? 0n,
    named.heldInput ?? 0n,
    named.heldOutput ?? 0n,
  ];
}
