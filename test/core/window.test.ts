import * as fc from 'fast-check';
import { Temporal } from 'temporal-polyfill';
import { describe, expect, it } from 'vitest';
import { windows } from '../../src/core/policy.ts';
import { isSameCalendar, isTimeZone, windowAt } from '../../src/core/window.ts';
import type { Calendar } from '../../src/core/window.ts';
import { firstInstantOf, referenceWindow } from '../support/reference-window.ts';

const berlin: Calendar = { timeZone: 'Europe/Berlin', weekStart: 1, monthAnchorDay: 1 };

function bounds(calendar: Calendar, window: (typeof windows)[number], at: string): string[] {
  const { startMs, endMs } = windowAt(calendar, window, Date.parse(at));
  return [startMs, endMs].map((ms) => new Date(ms).toISOString().replace('.000Z', 'Z'));
}

describe('windows of a calendar', () => {
  it.each([
    ['a short day', 'DAY', '2026-03-29T12:00:00Z', '2026-03-28T23:00:00Z', '2026-03-29T22:00:00Z'],
    ['a long day', 'DAY', '2026-10-25T12:00:00Z', '2026-10-24T22:00:00Z', '2026-10-25T23:00:00Z'],
    [
      'a day at its first instant',
      'DAY',
      '2026-03-28T23:00:00Z',
      '2026-03-28T23:00:00Z',
      '2026-03-29T22:00:00Z',
    ],
    [
      'a week over the change',
      'WEEK',
      '2026-03-29T12:00:00Z',
      '2026-03-22T23:00:00Z',
      '2026-03-29T22:00:00Z',
    ],
    [
      'a month with the change',
      'MONTH',
      '2026-03-01T00:00:00Z',
      '2026-02-28T23:00:00Z',
      '2026-03-31T22:00:00Z',
    ],
    [
      'the first of two like hours',
      'HOUR',
      '2026-10-25T00:30:00Z',
      '2026-10-25T00:00:00Z',
      '2026-10-25T01:00:00Z',
    ],
    [
      'the second of two like hours',
      'HOUR',
      '2026-10-25T01:30:00Z',
      '2026-10-25T01:00:00Z',
      '2026-10-25T02:00:00Z',
    ],
    [
      'a minute',
      'MINUTE',
      '2026-03-10T09:00:08.5Z',
      '2026-03-10T09:00:00Z',
      '2026-03-10T09:01:00Z',
    ],
    [
      'ten seconds',
      'TEN_SECONDS',
      '2026-03-10T09:00:19.999Z',
      '2026-03-10T09:00:10Z',
      '2026-03-10T09:00:20Z',
    ],
  ] as const)('know %s', (_, window, at, start, end) => {
    expect(bounds(berlin, window, at)).toEqual([start, end]);
  });

  it('align hours with the local time of a zone that is off by a part of an hour', () => {
    const nepal = { ...berlin, timeZone: 'Asia/Kathmandu' };
    expect(bounds(nepal, 'HOUR', '2026-03-10T09:00:00Z')).toEqual([
      '2026-03-10T08:15:00Z',
      '2026-03-10T09:15:00Z',
    ]);
  });

  it('align hours again when the clock of a zone is set back by half an hour', () => {
    const island = { ...berlin, timeZone: 'Australia/Lord_Howe' };
    const before = ['2026-04-04T14:00:00Z', '2026-04-04T15:00:00Z'];
    expect(bounds(island, 'HOUR', '2026-04-04T14:10:00Z')).toEqual(before);
    const after = ['2026-04-04T14:30:00Z', '2026-04-04T15:30:00Z'];
    expect(bounds(island, 'HOUR', '2026-04-04T15:10:00Z')).toEqual(after);
  });

  it('start a day at one o’clock where there is no midnight', () => {
    const lebanon = { ...berlin, timeZone: 'Asia/Beirut' };
    expect(bounds(lebanon, 'DAY', '2021-03-27T23:00:00Z')).toEqual([
      '2021-03-27T22:00:00Z',
      '2021-03-28T21:00:00Z',
    ]);
  });

  it('go on with a day that has begun when the clock is set back over its midnight', () => {
    const newfoundland = { ...berlin, timeZone: 'America/St_Johns' };
    const sunday = ['2006-10-29T02:30:00Z', '2006-10-30T03:30:00Z'];
    expect(bounds(newfoundland, 'DAY', '2006-10-29T02:30:30Z')).toEqual(sunday);
    // Asked of a calendar that remembers nothing yet.
    expect(bounds({ ...newfoundland }, 'DAY', '2006-10-29T03:00:00Z')).toEqual(sunday);
  });

  it('leave out a day that a zone skipped', () => {
    const samoa = { ...berlin, timeZone: 'Pacific/Apia' };
    expect(bounds(samoa, 'DAY', '2011-12-30T09:59:59Z')).toEqual([
      '2011-12-29T10:00:00Z',
      '2011-12-30T10:00:00Z',
    ]);
    expect(bounds(samoa, 'DAY', '2011-12-30T10:00:00Z')[0]).toBe('2011-12-30T10:00:00Z');
  });

  it.each([
    [31, '2026-02-27T23:59:59Z', '2026-01-31', '2026-02-28'],
    [31, '2026-02-28T00:00:00Z', '2026-02-28', '2026-03-31'],
    [30, '2028-02-29T00:00:00Z', '2028-02-29', '2028-03-30'],
    [29, '2026-03-01T00:00:00Z', '2026-02-28', '2026-03-29'],
    [15, '2026-01-14T23:59:59Z', '2025-12-15', '2026-01-15'],
  ])('anchor a month on day %i at %s', (monthAnchorDay, at, start, end) => {
    const calendar = { timeZone: 'UTC', weekStart: 1, monthAnchorDay };
    expect(bounds(calendar, 'MONTH', at)).toEqual([`${start}T00:00:00Z`, `${end}T00:00:00Z`]);
  });

  it('are remembered from their first instant on, the last four of each kind', () => {
    const calendar = { ...berlin };
    const day = (date: number) => windowAt(calendar, 'DAY', Date.UTC(2026, 2, date, -1));
    const first = day(1);
    windowAt(calendar, 'MONTH', first.startMs);
    for (const date of [2, 3, 4]) day(date);
    expect(day(1)).toBe(first);
    day(5);
    expect(day(1)).not.toBe(first);
    expect(day(1)).toEqual(first);
  });

  it('never end in a lifetime', () => {
    expect(windowAt(berlin, 'LIFETIME', 0)).toEqual({ startMs: 0, endMs: Infinity });
  });
});

const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'America/Sao_Paulo',
  'Australia/Lord_Howe',
  'Asia/Kathmandu',
  'America/St_Johns',
  'Pacific/Apia',
  'America/Havana',
  'Africa/Casablanca',
];

const calendars = fc.record({
  timeZone: fc.constantFrom(...zones),
  weekStart: fc.integer({ min: 1, max: 7 }),
  monthAnchorDay: fc.integer({ min: 1, max: 31 }),
});

const years = { min: Date.UTC(2005, 0, 1), max: Date.UTC(2030, 0, 1) };

/** Any instant, or one within a day and a half of a change of the zone's clock. */
const instants = calendars.chain((calendar) =>
  fc
    .record({
      any: fc.integer(years),
      nearChange: fc.boolean(),
      byMs: fc.integer({ min: -130_000_000, max: 130_000_000 }),
    })
    .map(({ any, nearChange, byMs }) => {
      const zoned = Temporal.Instant.fromEpochMilliseconds(any).toZonedDateTimeISO(
        calendar.timeZone,
      );
      const change = zoned.getTimeZoneTransition('next')?.epochMilliseconds;
      return { calendar, atMs: nearChange && change !== undefined ? change + byMs : any };
    }),
);

describe('windows, whatever calendar and instant', () => {
  it('are those that a search from minute to minute finds', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(
        instants,
        fc.constantFrom('DAY', 'WEEK', 'MONTH'),
        ({ calendar, atMs }, window) => {
          expect(windowAt(calendar, window, atMs)).toEqual(referenceWindow(calendar, window, atMs));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('hold their instant, and meet the next window at their end', () => {
    fc.assert(
      fc.property(instants, fc.constantFrom(...windows), ({ calendar, atMs }, window) => {
        const { startMs, endMs } = windowAt(calendar, window, atMs);
        expect(startMs).toBeLessThanOrEqual(atMs);
        expect(endMs).toBeGreaterThan(atMs);
        if (window === 'DAY' || window === 'WEEK' || window === 'MONTH') {
          expect(windowAt(calendar, window, endMs).startMs).toBe(endMs);
          expect(windowAt(calendar, window, endMs - 1)).toEqual({ startMs, endMs });
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('up to an hour are of full length and start on the dot of local time', () => {
    const short = fc.constantFrom(
      ...([
        ['TEN_SECONDS', 10],
        ['MINUTE', 60],
        ['HOUR', 3_600],
      ] as const),
    );
    fc.assert(
      fc.property(instants, short, ({ calendar, atMs }, [window, seconds]) => {
        const { startMs, endMs } = windowAt(calendar, window, atMs);
        expect(endMs - startMs).toBe(seconds * 1_000);
        const at = Temporal.Instant.fromEpochMilliseconds(atMs).toZonedDateTimeISO(
          calendar.timeZone,
        );
        const sinceMidnightMs = at.toPlainTime().since('00:00').total('milliseconds');
        expect(atMs - startMs).toBe(sinceMidnightMs % (seconds * 1_000));
      }),
      { numRuns: 2_000 },
    );
  });

  it('are the same in whatever order they are asked for', () => {
    fc.assert(
      fc.property(fc.array(instants, { minLength: 2, maxLength: 12 }), (asked) => {
        const answers = asked.map(({ calendar, atMs }) => windowAt(calendar, 'DAY', atMs));
        const again = asked
          .toReversed()
          .map(({ calendar, atMs }) => windowAt(calendar, 'DAY', atMs));
        expect(again.toReversed()).toEqual(answers);
      }),
    );
  });
});

describe('time zones', () => {
  it('are known by IANA name alone', () => {
    const known = ['UTC', 'Europe/Berlin', 'America/Argentina/Ushuaia', 'Etc/GMT+5', 'Etc/GMT-1'];
    expect(known.filter((name) => !isTimeZone(name))).toEqual([]);
    const others = ['', 'Mars/Olympus', '+01:00', '-05', 'Berlin', 'Europe/'];
    expect(others.map(isTimeZone)).toEqual(others.map(() => false));
  });
});

it('the reference itself finds the first instant of a day without a midnight', () => {
  const date = Temporal.PlainDate.from('2021-03-28');
  expect(firstInstantOf(date, 'Asia/Beirut')).toBe(Date.parse('2021-03-27T22:00:00Z'));
});

it('calendars are the same if zone, first day of the week and first day of the month are', () => {
  expect(isSameCalendar(berlin, { ...berlin })).toBe(true);
  for (const other of [{ timeZone: 'Europe/Paris' }, { weekStart: 7 }, { monthAnchorDay: 2 }]) {
    expect(isSameCalendar(berlin, { ...berlin, ...other })).toBe(false);
    expect(isSameCalendar({ ...berlin, ...other }, berlin)).toBe(false);
  }
});
