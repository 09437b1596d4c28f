import type { Raised } from '../../core/raise.ts';

/** One enforcement event, as it is written. */
export interface EventRecord {
  readonly orgId: string;
  readonly action:
    | 'BLOCKED'
    | 'WARNED'
    | 'DRY_RUN'
    | 'BYPASSED'
    | 'THRESHOLD'
    | 'EXPIRED'
    | 'SATURATED'
    | 'UNATTRIBUTED';
  readonly atMs: number;
  readonly requestId: string;
  readonly subjects: readonly string[];
  readonly user: string | undefined;
  /** What the call asked for. */
  readonly target: string;
  /** The sum that the event is about; undefined for EXPIRED and UNATTRIBUTED. */
  readonly sum: EventSum | undefined;
  /** Undefined where no limit is concerned. */
  readonly limit: EventLimit | undefined;
}

/** A sum of a meter as it stood. */
export interface EventSum {
  readonly meter: string;
  readonly metric: string;
  readonly window: string | undefined;
  /** Set for an event that is written once in its window. */
  readonly onceInWindowMs: number | undefined;
  /** Used and held, before the ask; with it for THRESHOLD, used alone for SATURATED. */
  readonly spend: bigint;
}

/** The limit that an event is about, with its numbers at that time. */
export interface EventLimit {
  /** Composed names: `team:red`, `team:red/cap`, `user:alice`. */
  readonly subject: string;
  readonly name: string;
  readonly revision: number;
  readonly amount: bigint;
  /** Undefined: no raise was in force. */
  readonly raised: Raised | undefined;
  readonly ask: bigint;
  /** The percentage crossed, for THRESHOLD. */
  readonly threshold: number | undefined;
}
