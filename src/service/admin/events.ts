import type { Raised } from '../../core/raise.ts';
import type { Subject } from '../../core/subject.ts';
import type { Listed, Page } from '../../platform/paging.ts';
import type { Reading } from './reading.ts';

/** The enforcement events of an organization, for reading. */
export interface Events {
  /**
   * Newest first; a forged page token is FIELD_INVALID on `page_token`. Reads a bounded number of events, so a page may be
   * short and have a next one.
   */
  list(filter: EventFilter, page: Page, reading: Reading): Promise<ListedEvents>;
  /** Counts what is selected, in the intervals between the cuts; reads a bounded number of rows, the newest ones. */
  count(counting: EventCounting, reading: Reading): Promise<CountedEvents>;
}

/** One page of events. */
export interface ListedEvents extends Listed<StoredEvent> {
  /** All events of the filter that happened last after this are on this page or before it; undefined: all are. */
  readonly searchedToMs: number | undefined;
}

/** What counts can be grouped by. */
export const countGroups = ['ACTION', 'LIMIT', 'DENIAL_REASON', 'USER', 'TARGET'] as const;

/** What is counted. */
export interface EventCounting {
  readonly filter: EventFilter & { readonly fromMs: number; readonly toMs: number };
  /** Where intervals begin, ascending; the first is at `fromMs` or before. */
  readonly cutsMs: readonly number[];
  /** Undefined: nothing. By DENIAL_REASON it counts denied calls in place of events. */
  readonly groupBy: (typeof countGroups)[number] | undefined;
}

/** Counts above 0, by interval and then by what they are grouped by. */
export interface CountedEvents {
  readonly counts: readonly IntervalCount[];
  /** Only what happened since is counted; undefined: all is. */
  readonly countedFromMs: number | undefined;
}

/** How often something happened in an interval. */
export interface IntervalCount {
  /** An index into the cuts. */
  readonly interval: number;
  /** Undefined: the rest, or nothing is grouped. */
  readonly group: string | undefined;
  readonly count: bigint;
}

/** Which events; absent is any. */
export interface EventFilter {
  readonly orgId: string;
  readonly user: string | undefined;
  readonly action: string | undefined;
  /** The composed name, `team:red/cap`. */
  readonly limit: string | undefined;
  /** On the path of the call, all of them. */
  readonly subjects: readonly Subject[];
  readonly target: string | undefined;
  /** When it happened last: at this instant or later; milliseconds since 1970. */
  readonly fromMs: number | undefined;
  /** Before this instant. */
  readonly toMs: number | undefined;
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
  readonly target: string;
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
