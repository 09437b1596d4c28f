import { Temporal } from 'temporal-polyfill';

/** How a calendar is cut, as the reference sees it. */
interface Cut {
  readonly timeZone: string;
  readonly weekStart: number;
  readonly monthAnchorDay: number;
}

const minuteMs = 60_000;
const found = new Map<string, number>();

/** The first instant that has a date, or a later one where a zone skipped it: minute after minute. */
export function firstInstantOf(date: Temporal.PlainDate, timeZone: string): number {
  const key = `${timeZone} ${date.toString()}`;
  const known = found.get(key);
  if (known !== undefined) return known;
  const noon = Date.parse(`${date.toString()}T12:00:00Z`);
  // The widest offsets are 14 hours east and 12 west, so 27 hours before its UTC noon no zone has the date.
  for (let at = noon - 27 * 60 * minuteMs; ; at += minuteMs) {
    if (Temporal.PlainDate.compare(dateAt(at, timeZone), date) < 0) continue;
    found.set(key, at);
    return at;
  }
}

/** The window of an instant: from the last starting day that has begun to the next starting day. */
export function referenceWindow(
  calendar: Cut,
  window: 'DAY' | 'WEEK' | 'MONTH',
  atMs: number,
): { startMs: number; endMs: number } {
  const { timeZone } = calendar;
  const begins = (date: Temporal.PlainDate): boolean => startsWindow(calendar, window, date);
  let start = dateAt(atMs, timeZone).add({ days: 2 });
  while (!begins(start) || firstInstantOf(start, timeZone) > atMs)
    start = start.subtract({ days: 1 });
  let end = start.add({ days: 1 });
  while (!begins(end)) end = end.add({ days: 1 });
  return { startMs: firstInstantOf(start, timeZone), endMs: firstInstantOf(end, timeZone) };
}

function startsWindow(
  { weekStart, monthAnchorDay }: Cut,
  window: 'DAY' | 'WEEK' | 'MONTH',
  date: Temporal.PlainDate,
): boolean {
  if (window === 'DAY') return true;
  if (window === 'WEEK') return date.dayOfWeek === weekStart;
  const isLastDay = date.add({ days: 1 }).month !== date.month;
  return date.day === monthAnchorDay || (isLastDay && date.day < monthAnchorDay);
}

function dateAt(atMs: number, timeZone: string): Temporal.PlainDate {
  return Temporal.Instant.fromEpochMilliseconds(atMs).toZonedDateTimeISO(timeZone).toPlainDate();
}
