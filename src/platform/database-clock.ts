import type { Clock } from './clock.ts';

/** A clock that can be set right by what the database says. */
export interface LearningClock extends Clock {
  /** The database's clock just now, milliseconds since 1970. */
  learn(databaseNowMs: number): void;
}

/**
 * The database's clock as far as this process knows it: its own plus the offset learned last. So replicas
 * whose clocks differ cut windows alike. Before the first lesson it is the process clock.
 */
export function createDatabaseClock(processNowMs: () => number = Date.now): LearningClock {
  let offsetMs = 0;
  return {
    nowMs: () => Math.floor(processNowMs() + offsetMs),
    learn(databaseNowMs) {
      offsetMs = databaseNowMs - processNowMs();
    },
  };
}

/** A clock that somebody else moves: lessons are not wanted. */
export function unlearningClock(clock: Clock): LearningClock {
  return { nowMs: () => clock.nowMs(), learn: () => undefined };
}
