import type { Estimate, NamedSubjects } from '../core/call.ts';
import type { ServedBy } from '../core/served-by.ts';
import type { Outcome } from '../core/outcome.ts';
import type { Reason } from '../core/reason.ts';
import type { HoldState, ReportAnswer } from '../ledger/ledger.ts';
import type { Listed, Page } from '../platform/paging.ts';
import type { Caller } from './caller.ts';

/** What surrounds every call: who calls, and until when it waits (monotonic clock, milliseconds). */
export interface CallContext {
  readonly caller: Caller;
  readonly deadlineMs: number | undefined;
  /** Makes a signal that is aborted when the caller goes; for work that is worth stopping then. */
  readonly cancelled?: () => AbortSignal;
}

/** A call's own description, as Check, Explain and a post-paid Report carry it. Already valid in form. */
export interface CallInput {
  /** Undefined when the credential names the organization. */
  readonly orgId: string | undefined;
  readonly subjects: NamedSubjects;
  /** A presented secret, never logged. */
  readonly credential: string | undefined;
  readonly target: string;
  readonly served: ServedBy;
  readonly estimate: Estimate;
  /** No Report will come: the call is booked at its Check. */
  readonly settleNow: boolean;
}

export interface CheckInput extends CallInput {
  /** Undefined: the service makes one (UUIDv7). */
  readonly requestId: string | undefined;
  readonly ttlMs: number | undefined;
  /** The call that this one tries again or belongs to; kept, and not looked up. */
  readonly parentRequestId: string | undefined;
}

export interface CheckOutput extends DecisionOutput {
  /** Undefined: there never was a hold, and nothing is kept of the call. */
  readonly holdState: HoldState | undefined;
}

/** What was decided, of a Check, an Extend or an Explain. */
export interface DecisionOutput {
  readonly orgId: string;
  readonly requestId: string;
  readonly outcome: Outcome;
  readonly replayed: boolean;
  /** Allowed without asking the ledger, because the store failed and the organization wants that. */
  readonly degraded: boolean;
}

export interface ReportInput {
  readonly orgId: string | undefined;
  readonly requestId: string;
  readonly subjects: NamedSubjects;
  readonly credential: string | undefined;
  /** The target that served; undefined: the Check's. */
  readonly target: string | undefined;
  /** Who served, as far as it differs from what the Check says. */
  readonly served: ServedBy;
  /** What was used. `output` undefined counts as 0. */
  readonly usage: Estimate;
  readonly partial: boolean;
  /** The provider reported none: `usage` says nothing. */
  readonly usageUnknown: boolean;
}

export interface ReportOutput extends ReportAnswer {
  readonly orgId: string;
  readonly requestId: string;
}

/** Reports of one organization that came together. */
export interface BatchReportInput {
  readonly orgId: string;
  readonly reports: readonly BatchItem[];
}

/** One report of a batch. */
export interface BatchItem {
  readonly requestId: string;
  /** Reports it and keeps what became of it; never rejects. */
  report(context: CallContext): Promise<void>;
}

export interface ReleaseInput {
  readonly orgId: string | undefined;
  readonly requestId: string;
  readonly credential: string | undefined;
}

export interface ReleaseOutput {
  readonly orgId: string;
  readonly requestId: string;
  readonly replayed: boolean;
}

export interface ExtendInput {
  readonly orgId: string | undefined;
  readonly requestId: string;
  readonly credential: string | undefined;
  readonly sequence: number;
  /** What is added to the estimate. */
  readonly added: Estimate;
  readonly ttlMs: number | undefined;
}

/** A path, and the part of the catalog that is asked for. */
export interface ListTargetsInput extends Omit<CallInput, 'target' | 'estimate' | 'settleNow'> {
  readonly page: Page;
}

/** One target and whether a path may call it. */
export interface ListedTarget {
  readonly name: string;
  readonly kind: 'MODEL' | 'ROUTE_GROUP';
  readonly allowed: boolean;
  /** Why not, in order of precedence. */
  readonly reasons: readonly Reason[];
}

/** The use cases of the data plane, one file each in this folder. */
export interface DataPlane {
  check(input: CheckInput, context: CallContext): Promise<CheckOutput>;
  report(input: ReportInput, context: CallContext): Promise<ReportOutput>;
  /** Resolves when every report was tried; rejects, with none tried, for what is wrong with the batch as a whole. */
  batchReport(input: BatchReportInput, context: CallContext): Promise<void>;
  release(input: ReleaseInput, context: CallContext): Promise<ReleaseOutput>;
  extend(input: ExtendInput, context: CallContext): Promise<DecisionOutput>;
  explain(input: CallInput, context: CallContext): Promise<DecisionOutput>;
  listTargets(input: ListTargetsInput, context: CallContext): Promise<Listed<ListedTarget>>;
}
