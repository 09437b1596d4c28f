import { inTime } from './in-time.ts';
import { ServiceError } from './service-error.ts';

/**
 * A deadline `timeoutMs` from now: an instant on the monotonic clock, in milliseconds as
 * `performance.now()` counts them. A step of the wall clock does not move it.
 */
export function deadlineAfter(timeoutMs: number): number {
  return performance.now() + timeoutMs;
}

/** A deadline that was given by the wall clock, milliseconds since 1970; read it as soon as it arrives. */
export function deadlineAt(wallClockMs: number): number {
  return deadlineAfter(wallClockMs - Date.now());
}

/**
 * The work's answer, or DEADLINE_EXCEEDED when the deadline (monotonic clock, milliseconds) comes first.
 * The work is not stopped: its result is dropped. A function is not called when it is already too late.
 */
export async function withinDeadline<T>(
  work: Promise<T> | (() => Promise<T>),
  deadlineMs: number,
): Promise<T> {
  const leftMs = deadlineMs - performance.now();
  if (leftMs <= 0) {
    if (work instanceof Promise) work.catch(() => undefined);
    throw deadlineExceeded();
  }
  return inTime(work instanceof Promise ? work : work(), leftMs, deadlineExceeded);
}

/** Throws DEADLINE_EXCEEDED if the deadline is over: for work that goes on in slices. */
export function checkDeadline(deadlineMs: number): void {
  if (performance.now() >= deadlineMs) throw deadlineExceeded();
}

function deadlineExceeded(): ServiceError {
  const message =
    'not answered in time; the call may have taken effect: retry with the same request id';
  return new ServiceError('DEADLINE_EXCEEDED', message);
}
