import { windowAt } from '../../core/window.ts';
import type { Calendar, WindowBounds } from '../../core/window.ts';
import type { Clock } from '../../platform/clock.ts';
import { invalidFields } from '../../platform/service-error.ts';
import type { PolicyStore } from '../../policies/policy-store.ts';
import type { EventCounting, EventFilter, Events, IntervalCount } from './events.ts';
import type { Reading } from './reading.ts';

const mostIntervals = 1000;
const hourMs = 3_600_000;
const defaultSpanMs = { HOUR: 24 * hourMs, DAY: 30 * 24 * hourMs } as const;

/** What is asked for. */
export interface CountRequest {
  readonly filter: EventFilter;
  readonly interval: 'HOUR' | 'DAY';
  readonly groupBy: EventCounting['groupBy'];
}

/** How often something happened, and when. */
export interface TimedCount extends Omit<IntervalCount, 'interval'> {
  readonly bounds: WindowBounds;
}

/** Counts events over time. NOT_FOUND if the organization is unknown, FIELD_INVALID for too many intervals. */
export function createCountEvents(parts: {
  readonly store: Pick<PolicyStore, 'getOrganization'>;
  readonly events: Pick<Events, 'count'>;
  readonly clock: Clock;
}) {
  return async function countEvents(
    { filter, interval, groupBy }: CountRequest,
    reading: Reading,
  ): Promise<{
    readonly counts: readonly TimedCount[];
    readonly countedFromMs: number | undefined;
  }> {
    const { record } = await parts.store.getOrganization(filter.orgId);
    const toMs = filter.toMs ?? parts.clock.nowMs() + 1;
    const fromMs = filter.fromMs ?? toMs - defaultSpanMs[interval];
    const intervals = intervalsOf(record.calendar, interval, fromMs, toMs);
    const { counts, countedFromMs } = await parts.events.count(
      {
        filter: { ...filter, fromMs, toMs },
        cutsMs: intervals.map(({ startMs }) => startMs),
        groupBy,
      },
      reading,
    );
    return {
      counts: counts.flatMap(({ interval: index, ...count }) => {
        const bounds = intervals[index];
        return bounds === undefined ? [] : [{ ...count, bounds }];
      }),
      countedFromMs,
    };
  };
}

function intervalsOf(
  calendar: Calendar,
  interval: 'HOUR' | 'DAY',
  fromMs: number,
  toMs: number,
): readonly WindowBounds[] {
  const intervals: WindowBounds[] = [];
  for (let atMs = fromMs; atMs < toMs;) {
    const bounds = windowAt(calendar, interval, atMs);
    intervals.push(bounds);
    if (intervals.length > mostIntervals) {
      const description = `must be at most ${mostIntervals} intervals before end_time`;
      throw invalidFields([{ field: 'start_time', description }]);
    }
    atMs = bounds.endMs;
  }
  return intervals;
}
