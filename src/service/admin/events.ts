import type { Raised } from '../../core/raise.ts';
import type { Listed, Page } from '../../platform/paging.ts';

/** The enforcement events of an organization, for reading. */
export interface Events {
  /** Newest first; a forged page token is FIELD_INVALID on `page_token`. */
  list(filter: EventFilter, page: Page): Promise<Listed<StoredEvent>>;
}

/** Which events; absent is any. */
export interface EventFilter {
  readonly orgId: string;
  readonly user: string | undefined;
  readonly action: string | undefined;
  /** The composed name, `team:red/cap`. */
  readonly limit: string | undefined;
}

/** One event, or equal events of one second folded into one. */
export interface StoredEvent {
  readonly id: string;
  readonly firstAtMs: number;
  readonly lastAtMs: number;
  readonly occurrences: bigint;
  readonly action: string;
  readonly requestId: string;
  readonly user: string | undefined;
  readonly subjects: readonly string[];
  readonly sum: StoredEventSum | undefined;
  readonly limit: StoredEventLimit | undefined;
}

/** The sum of a meter that an event is about, in the metric's unit. */
export interface StoredEventSum {
  readonly meter: string;
  readonly metric: string;
  readonly window: string | undefined;
  /** Used and held; may pass int64. */
  readonly spend: bigint;
}

/** The limit that an event is about, in the metric's unit. */
export interface StoredEventLimit {
  readonly subject: string;
  readonly name: string;
  readonly revision: number;
  readonly amount: bigint;
  /** Undefined: no raise was in force. */
  readonly raised: Raised | undefined;
  readonly ask: bigint;
  readonly threshold: number | undefined;
}
