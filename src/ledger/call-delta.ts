import type { Meter } from '../core/meter.ts';
import { windows } from '../core/policy.ts';
import { windowAt } from '../core/window.ts';
import type { Calendar } from '../core/window.ts';

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

let lastCalendar: Calendar | undefined;
let lastAtMs = -1;
let lastStarts: WindowStarts = [];

/** The windows of a calendar at an instant. The last answer is kept: a batch asks for the same one often. */
export function windowStarts(calendar: Calendar, atMs: number): WindowStarts {
  if (calendar === lastCalendar && atMs === lastAtMs) return lastStarts;
  lastStarts = windows.map((window) => windowAt(calendar, window, atMs).startMs);
  lastCalendar = calendar;
  lastAtMs = atMs;
  return lastStarts;
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
