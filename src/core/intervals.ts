import { windowAt } from './window.ts';
import type { Calendar } from './window.ts';

/** How long the points of a series are. */
export type Interval = 'HOUR' | 'DAY' | 'WEEK' | 'MONTH';

/**
 * The instants that cut a span into the intervals of a calendar, from the beginning of the first to the end of the last;
 * undefined if they would be more than `most`. They cut every instant into one interval: where a clock changes by a part of
 * an hour, hours are shorter.
 */
export function intervalsOf(
  calendar: Calendar,
  interval: Interval,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
  most: number,
): readonly number[] | undefined {
  const cutsMs = [windowAt(calendar, interval, fromMs).startMs];
  for (let atMs = cutsMs[0] ?? fromMs; atMs < toMs;) {
    if (cutsMs.length > most) return undefined;
    atMs = windowAt(calendar, interval, atMs).endMs;
    cutsMs.push(atMs);
  }
  return cutsMs;
}
