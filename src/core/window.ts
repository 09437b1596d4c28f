import { Temporal } from 'temporal-polyfill';
import type { Window } from './policy.ts';

/** How an organization cuts time. */
export interface Calendar {
  /** IANA name. */
  readonly timeZone: string;
  /** ISO day number, 1 = Monday … 7 = Sunday. */
  readonly weekStart: number;
  /** 1–31; in a shorter month its last day. */
  readonly monthAnchorDay: number;
}

/** One window: from `startMs` (inclusive) to `endMs` (exclusive), milliseconds since 1970. LIFETIME is 0 to Infinity. */
export interface WindowBounds {
  readonly startMs: number;
  readonly endMs: number;
}

const lifetime: WindowBounds = { startMs: 0, endMs: Infinity };
const lengthMs = { TEN_SECONDS: 10_000, MINUTE: 60_000, HOUR: 3_600_000 } as const;

/**
 * The window of a calendar that an instant lies in. A day starts at the first instant that has its date; windows up
 * to an hour are aligned with local time and always of full length.
 */
export function windowAt(calendar: Calendar, window: Window, atMs: number): WindowBounds {
  switch (window) {
    case 'TEN_SECONDS':
    case 'MINUTE':
    case 'HOUR': {
      const length = lengthMs[window];
      const localMs = atMs + offsetAt(calendar.timeZone, atMs);
      const startMs = atMs - (((localMs % length) + length) % length);
      return { startMs, endMs: startMs + length };
    }
    case 'DAY':
    case 'WEEK':
    case 'MONTH':
      return calendarWindow(calendar, window, atMs);
    case 'LIFETIME':
      return lifetime;
  }
}

/** Whether a text is the name of a time zone. */
export function isTimeZone(name: string): boolean {
  if (/^[+-]/.test(name)) return false;
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name);
    return true;
  } catch {
    return false;
  }
}

interface OffsetSpan extends WindowBounds {
  readonly offsetMs: number;
}

const offsets = new Map<string, OffsetSpan[]>();
const calendarWindows = new WeakMap<Calendar, Map<Window, WindowBounds[]>>();
const maxCached = 2_000;
const maxRecent = 4;

/**
 * What is known of an instant, else made and kept: the last few answers of each key, since calls come in
 * order of time and their reports a little behind, over midnight too.
 */
function recall<Key, T extends WindowBounds>(
  cache: Map<Key, T[]>,
  key: Key,
  atMs: number,
  make: () => T,
): T {
  const recent = cache.get(key) ?? [];
  for (const known of recent) if (known.startMs <= atMs && atMs < known.endMs) return known;
  const made = make();
  if (cache.size >= maxCached) cache.clear();
  cache.set(key, [made, ...recent.slice(0, maxRecent - 1)]);
  return made;
}

/** The zone's offset from UTC at an instant, remembered until its next change. */
function offsetAt(timeZone: string, atMs: number): number {
  const span = recall(offsets, timeZone, atMs, () => {
    const at = zonedAt(timeZone, atMs);
    return {
      startMs: atMs,
      endMs: at.getTimeZoneTransition('next')?.epochMilliseconds ?? Infinity,
      offsetMs: Math.round(at.offsetNanoseconds / 1e6),
    };
  });
  return span.offsetMs;
}

/** DAY, WEEK or MONTH. */
function calendarWindow(
  calendar: Calendar,
  window: 'DAY' | 'WEEK' | 'MONTH',
  atMs: number,
): WindowBounds {
  let known = calendarWindows.get(calendar);
  if (known === undefined)
    calendarWindows.set(calendar, (known = new Map<Window, WindowBounds[]>()));
  return recall(known, window, atMs, () =>
    boundsOf(calendar, window, zonedAt(calendar.timeZone, atMs).toPlainDate(), atMs),
  );
}

function zonedAt(timeZone: string, atMs: number): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(Math.floor(atMs)).toZonedDateTimeISO(timeZone);
}

function boundsOf(
  calendar: Calendar,
  window: 'DAY' | 'WEEK' | 'MONTH',
  date: Temporal.PlainDate,
  atMs: number,
): WindowBounds {
  const [from, to] = calendarDates(calendar, window, date);
  const startMs = firstInstant(from, calendar.timeZone);
  const endMs = firstInstant(to, calendar.timeZone);
  // A clock set back over midnight shows yesterday's date again; a day that has begun goes on anyway.
  return atMs < endMs
    ? { startMs, endMs }
    : boundsOf(calendar, window, date.add({ days: 1 }), atMs);
}

function calendarDates(
  { weekStart, monthAnchorDay }: Calendar,
  window: 'DAY' | 'WEEK' | 'MONTH',
  date: Temporal.PlainDate,
): [Temporal.PlainDate, Temporal.PlainDate] {
  switch (window) {
    case 'DAY':
      return [date, date.add({ days: 1 })];
    case 'WEEK': {
      const from = date.subtract({ days: (date.dayOfWeek - weekStart + 7) % 7 });
      return [from, from.add({ days: 7 })];
    }
    case 'MONTH': {
      const month = date.toPlainYearMonth();
      const own = anchorOf(month, monthAnchorDay);
      const isBefore = Temporal.PlainDate.compare(date, own) < 0;
      const from = isBefore ? month.subtract({ months: 1 }) : month;
      return [anchorOf(from, monthAnchorDay), anchorOf(from.add({ months: 1 }), monthAnchorDay)];
    }
  }
}

function anchorOf(month: Temporal.PlainYearMonth, day: number): Temporal.PlainDate {
  return month.toPlainDate({ day: Math.min(day, month.daysInMonth) });
}

function firstInstant(date: Temporal.PlainDate, timeZone: string): number {
  return date.toZonedDateTime(timeZone).startOfDay().epochMilliseconds;
}

/** Whether two calendars cut the same windows. */
export function isSameCalendar(a: Calendar, b: Calendar): boolean {
  return (
    a.timeZone === b.timeZone &&
    a.weekStart === b.weekStart &&
    a.monthAnchorDay === b.monthAnchorDay
  );
}
