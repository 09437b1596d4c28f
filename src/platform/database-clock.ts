import type { Clock } from './clock.ts';

/** The database's clock as it was read once; the other instants are monotonic, in milliseconds. */
export interface ClockReading {
  /** Milliseconds since 1970, rounded down. */
  readonly databaseNowMs: number;
  /** Before the statement that reads the clock was sent. */
  readonly sentMs: number;
  /** After its answer was received. */
  readonly receivedMs: number;
}

/** A clock that follows another one by reading it from time to time. */
export interface FollowingClock extends Clock {
  /** Learns from a reading. Returns the time of that reading, milliseconds since 1970. */
  read(reading: ClockReading): number;
  /** Whether it follows the database, so that a statement may compare its time with the database's. */
  readonly isDatabase: boolean;
}

/** Where the database's time lies, less the monotonic time: between the two, as known at `atMs`. */
interface OffsetBounds {
  readonly lowMs: number;
  readonly highMs: number;
  readonly atMs: number;
}

/** How far two clocks may drift apart, in milliseconds per millisecond; NTP slews by half of this. */
const drift = 0.001;

/**
 * The database's clock, estimated over the monotonic clock of this process; the process's wall clock is
 * never read. A reading says that the database's clock stood at a time somewhere between sending and
 * receiving, so one that took long says little: it cannot spoil a better estimate. A reading that
 * contradicts the estimate means that the database's clock was stepped, and replaces it.
 *
 * Fails before the first reading.
 */
export function createDatabaseClock(
  monotonicMs: () => number = () => performance.now(),
): FollowingClock {
  let known: OffsetBounds | undefined;
  return {
    isDatabase: true,
    nowMs() {
      if (known === undefined) throw new Error('the clock of the database was not read yet');
      return Math.floor(monotonicMs() + (known.lowMs + known.highMs) / 2);
    },
    read(reading) {
      known = narrowed(known, reading);
      return reading.databaseNowMs;
    },
  };
}

function narrowed(
  known: OffsetBounds | undefined,
  { databaseNowMs, sentMs, receivedMs }: ClockReading,
): OffsetBounds {
  const seen = {
    lowMs: databaseNowMs - receivedMs,
    highMs: databaseNowMs + 1 - sentMs,
    atMs: receivedMs,
  };
  if (known === undefined) return seen;
  const slack = Math.max(0, receivedMs - known.atMs) * drift;
  const lowMs = Math.max(seen.lowMs, known.lowMs - slack);
  const highMs = Math.min(seen.highMs, known.highMs + slack);
  return lowMs <= highMs ? { lowMs, highMs, atMs: receivedMs } : seen;
}

/** A clock that somebody else moves, for tests: the database's is not followed. */
export function handMovedClock(clock: Clock): FollowingClock {
  return { isDatabase: false, nowMs: () => clock.nowMs(), read: () => clock.nowMs() };
}
