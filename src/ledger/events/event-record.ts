/** One enforcement event, as it is written. */
export interface EventRecord {
  readonly orgId: string;
  readonly action: 'BLOCKED' | 'WARNED' | 'DRY_RUN' | 'BYPASSED' | 'THRESHOLD' | 'EXPIRED';
  readonly atMs: number;
  readonly requestId: string;
  readonly subjects: readonly string[];
  readonly user: string | undefined;
  readonly limit: EventLimit | undefined;
}

/** The limit that an event is about, with its numbers at that time. */
export interface EventLimit {
  /** Composed names: `team:red`, `team:red/cap`, `user:alice`. */
  readonly subject: string;
  readonly name: string;
  readonly meter: string;
  readonly revision: number;
  readonly metric: string;
  readonly window: string | undefined;
  readonly windowStartMs: number | undefined;
  /** Used and held, before the ask (for thresholds with it). */
  readonly spend: bigint;
  readonly amount: bigint;
  readonly ask: bigint;
  /** The percentage crossed, for THRESHOLD. */
  readonly threshold: number | undefined;
}
