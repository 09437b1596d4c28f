import type { CallPath } from '../../core/call.ts';
import type { Hold } from '../../core/plan.ts';
import type { Outcome } from '../../core/outcome.ts';
import type { Reason } from '../../core/reason.ts';
import type { Subject } from '../../core/subject.ts';
import type { Units } from '../../core/units.ts';
import type { Content, ReportAnswer, StoredCall } from '../../ledger/ledger.ts';
import type { Listed, Page } from '../../platform/paging.ts';
import type { StoredEvent } from './events.ts';
import type { Reading } from './reading.ts';

/** The calls of an organization that are kept, for reading. */
export interface Calls {
  /** Undefined: no such call is kept. */
  get(orgId: string, requestId: string, reading: Reading): Promise<KeptCall | undefined>;
  /** Newest first. Reads a bounded number of calls, so a page may be short and have a next one. */
  list(filter: CallFilter, page: Page, reading: Reading): Promise<ListedCalls>;
  /** Those booked at an instant or later, newest first; `more` are newer than `newestMs` and were not read. */
  fresh(
    orgId: string,
    fromMs: number,
    newestMs: number,
    most: number,
  ): Promise<{ readonly rows: readonly FreshCall[]; readonly more: number }>;
  /** Those of the calls that are kept, in any order. */
  summaries(orgId: string, requestIds: readonly string[]): Promise<readonly CallSummary[]>;
}

/** A call by which watchers select. */
export interface FreshCall {
  readonly requestId: string;
  readonly bookedAtMs: number;
  readonly decision: 'ALLOW' | 'DENY' | undefined;
  readonly reason: string | undefined;
  /** As meters name them. */
  readonly subjects: readonly string[];
  readonly target: string;
}

/** Which calls; absent is any. */
export interface CallFilter {
  readonly orgId: string;
  /** Booked at this instant or later; milliseconds since 1970. */
  readonly fromMs: number | undefined;
  /** Booked before this instant. */
  readonly toMs: number | undefined;
  readonly subject: Subject | undefined;
  readonly target: string | undefined;
  readonly decision: 'ALLOW' | 'DENY' | undefined;
  readonly reason: Reason | undefined;
  readonly state: StoredCall['state'] | undefined;
  readonly parent: string | undefined;
}

/** One page of calls. */
export interface ListedCalls extends Listed<CallSummary> {
  /** All calls of the filter that were booked after this instant are on this page or before it; undefined: all are. */
  readonly searchedToMs: number | undefined;
}

/** A call in one line. */
export interface CallSummary extends Pick<StoredCall, 'requestId' | 'state' | 'bookedAtMs'> {
  readonly path: CallPath;
  readonly target: string;
  readonly served: StoredCall['served'];
  /** The Check's answer; undefined of a post-paid call. */
  readonly outcome: Outcome | undefined;
  readonly held: Hold;
  readonly requests: bigint;
  /** What is in the ledger of it; undefined: nothing. */
  readonly booked: Hold | undefined;
  readonly parent: string | undefined;
}

/** A call with all that is kept of it. */
export interface KeptCall extends CallSummary {
  readonly asked: Content;
  readonly epoch: number;
  readonly expiresAtMs: number | undefined;
  readonly policies: readonly { readonly subject: Subject; readonly revision: number }[];
  readonly extends: readonly KeptExtend[];
  readonly settlement: KeptSettlement | undefined;
  readonly entries: readonly CallEntry[];
  readonly events: readonly StoredEvent[];
  readonly children: readonly CallSummary[];
}

/** One Extend that was answered. */
export interface KeptExtend {
  readonly sequence: number;
  readonly asked: Content;
  readonly outcome: Outcome;
}

/** How a call was closed by its Report. */
export interface KeptSettlement extends Omit<ReportAnswer, 'replayed'> {
  readonly asked: Content;
}

/** One row of the ledger. */
export interface CallEntry {
  readonly kind: string;
  readonly recordedAtMs: number;
  readonly bookedAtMs: number;
  readonly cost: bigint;
  readonly input: bigint;
  readonly output: bigint;
  readonly requests: bigint;
  readonly units: Units;
}
