import type { Calls, FreshCall } from './calls.ts';

/** What has come since the last look. */
export interface FreshCalls {
  /** Oldest first. */
  readonly fresh: readonly FreshCall[];
  /** Calls that were not read, because there were too many. */
  readonly missed: number;
}

/** Follows the calls of an organization. */
export interface Follower {
  next(): Promise<FreshCalls>;
}

/** The most that is read in one look. */
const mostRead = 5000;
/**
 * A call is booked at an instant before its commit, so one that comes late may be older than those that were seen. This far
 * back it is looked for; what commits later is not shown.
 */
const overlapMs = 2000;

/** Follows those that are booked from an instant on. What was there before is not shown. */
export function createFollower(
  calls: Pick<Calls, 'fresh'>,
  orgId: string,
  startMs: number,
): Follower {
  let newestMs = startMs;
  let seen: ReadonlySet<string> | undefined;
  return {
    async next() {
      const fromMs = newestMs - overlapMs;
      const { rows, more } = await calls.fresh(orgId, fromMs, newestMs, mostRead);
      const fresh = seen === undefined ? [] : unseen(rows, seen);
      newestMs = Math.max(newestMs, ...rows.slice(0, 1).map(({ bookedAtMs }) => bookedAtMs));
      const keptFromMs = newestMs - overlapMs;
      const isFirst = seen === undefined;
      seen = new Set(
        rows.filter(({ bookedAtMs }) => bookedAtMs >= keptFromMs).map(({ requestId }) => requestId),
      );
      return { fresh: fresh.toReversed(), missed: isFirst ? 0 : more };
    },
  };
}

function unseen(rows: readonly FreshCall[], seen: ReadonlySet<string>): readonly FreshCall[] {
  return rows.filter(({ requestId }) => !seen.has(requestId));
}
