import type { CallPath, Estimate, TargetFacts } from '../core/call.ts';
import type { PriceEpochs } from '../core/catalog.ts';
import type { CheckPlan, Hold, PlannedLimit } from '../core/plan.ts';
import type { ExtendPlan } from '../core/plan-extend.ts';
import type { Meter } from '../core/meter.ts';
import type { ServedBy } from '../core/served-by.ts';
import type { ConsideredLimit, Outcome } from '../core/outcome.ts';
import type { MeterTotals } from '../core/totals.ts';
import type { Units } from '../core/units.ts';
import type { Calendar } from '../core/window.ts';
import type { ReadLimits } from '../db/read-until.ts';

/**
 * The ledger: what was spent, what is held, and the one place where a Check is decided.
 *
 * Atomic: each operation happens whole or not at all; an answer is given only after its commit. All
 * operations of one organization happen one after another, on every replica, so each sees the sums that
 * the one before it left, and the policies of an epoch that no change has overtaken.
 * Idempotent: `requestId` names a call, one space per organization. A repeat is answered as the first
 * time, marked as replayed; a repeat with other `content` fails with REQUEST_ID_CONFLICT.
 * Not promised: an order between concurrent calls other than some one order; that a hold is given back
 * at the instant it expires (`sweep.ts` does it); that an operation whose caller gave up did not happen
 * (repeat it with the same id and see).
 * Absent: a call that was never seen fails with NOT_FOUND `CALL_NOT_FOUND`. Full queues fail with
 * RESOURCE_EXHAUSTED `OVERLOADED`, a store that cannot be reached with UNAVAILABLE `STORE_UNAVAILABLE`.
 */
export interface Ledger {
  check(call: CheckCall): Promise<CheckAnswer>;
  report(call: ReportCall): Promise<ReportAnswer>;
  release(call: ReleaseCall): Promise<ReleaseAnswer>;
  extend(call: ExtendCall): Promise<ExtendAnswer>;
  /**
   * The outcome a Check would have now; writes nothing. What it reads with is stopped at the deadline, and
   * when the caller goes. Too many of one organization fail as full queues do.
   */
  explain(orgId: string, plan: Planner, limits: ReadLimits): Promise<Outcome>;
  /** The outcomes of several plans of one organization, on the same sums; as `explain`. */
  compare(orgId: string, plans: ManyPlanner, limits: ReadLimits): Promise<readonly Outcome[]>;
  /** A meter as it stands, at `nowMs`; derived meters that no limit keeps are summed from the ledger. */
  meter(orgId: string, calendar: Calendar, meter: Meter, nowMs: number): Promise<MeterTotals>;
  /** Meters as they stand at `nowMs`, all read at one instant, in their order. What reads them ends with its limits. */
  meters(
    orgId: string,
    calendar: Calendar,
    meters: readonly Meter[],
    nowMs: number,
    limits: ReadLimits,
  ): Promise<MeterTotals[]>;
  /**
   * The units that a meter counts in a window that has begun at `startMs` (LIFETIME: -Infinity), from the ledger; at
   * most 1,000, those that were used most.
   */
  unitsSince(orgId: string, meter: Meter, startMs: number): Promise<Units>;
  /** Refuses new operations, finishes those accepted, and lets go of the connections. */
  close(): Promise<void>;
}

/** Plans a Check at an organization's time, with policies not older than an epoch. May answer at once. */
export type Planner = (atLeastEpoch: number, nowMs: number) => CheckPlan | Promise<CheckPlan>;

/** Makes several plans with the policies of one epoch, which is not older than the one that is given. */
export type ManyPlanner = (atLeastEpoch: number, nowMs: number) => Promise<readonly CheckPlan[]>;

/** The content of a request by field name, for conflict detection: canonical text values, absent fields left out. */
export type Content = Readonly<Record<string, string>>;

export interface CheckCall {
  readonly orgId: string;
  readonly requestId: string;
  readonly content: Content;
  readonly ttlMs: number;
  readonly plan: Planner;
  /** An instant on the monotonic clock, milliseconds, after which the caller no longer waits for the answer. */
  readonly deadlineMs: number | undefined;
}

export interface CheckAnswer {
  readonly outcome: Outcome;
  readonly replayed: boolean;
  /** Of the call as it stands, which a repeat may find ended. */
  readonly holdState: HoldState;
}

/** What has become of the hold of a call, in the words of the contract. */
export type HoldState = 'OPEN' | 'SETTLED' | 'RELEASED' | 'EXPIRED' | 'DENIED';

/** What a settlement needs of the policies. */
export interface SettlePlan {
  readonly epoch: number;
  /** Between which instants the limits stand as they are planned; see `CheckPlan`. */
  readonly fromMs: number;
  readonly untilMs: number;
  /** As of which changes the usage is priced. */
  readonly priceEpochs: PriceEpochs;
  readonly path: CallPath;
  readonly calendar: Calendar;
  readonly meters: readonly Meter[];
  /** For thresholds and warnings. */
  readonly limits: readonly PlannedLimit[];
  /** The flags that are in force now, for warnings. */
  readonly bypass: CheckPlan['bypass'];
  /** What the call really used, priced; or what is booked in its place. */
  readonly usage: PricedUsage;
  /** The usage is not known: what was held is booked in its place. */
  readonly isAssumed: boolean;
  /** A post-paid call that names nobody: it is booked on the organization alone. */
  readonly isUnattributed: boolean;
  /** The weight of the call: the Check's, or that of a post-paid Report. */
  readonly requests: bigint;
}

/** Usage as it is booked. */
export interface PricedUsage {
  readonly cost: bigint;
  readonly input: bigint;
  readonly output: bigint;
  /** The part of `output` that is reasoning, as reported. */
  readonly reasoningOutput: bigint;
  readonly cachedInput: bigint;
  readonly cacheWrite: bigint;
  readonly cacheWrite1h: bigint;
  readonly units: Units;
  readonly target: TargetFacts;
  /** Who served, as it was priced: the provider that was named, else the catalog's. */
  readonly served: ServedBy;
  readonly priceRevision: string | undefined;
  /** The caller gave no cost, and no price was in force, or no rate for a unit: that is booked at 0. */
  readonly unpriced: boolean;
}

/** What the ledger keeps of a call. */
export interface StoredCall {
  readonly orgId: string;
  readonly requestId: string;
  readonly state: 'OPEN' | 'DENIED' | 'SETTLED' | 'RELEASED' | 'EXPIRED' | 'CHARGED';
  /** As of which changes it is priced. */
  readonly priceEpochs: PriceEpochs;
  readonly path: CallPath;
  readonly target: TargetFacts;
  /** As the Check says. */
  readonly served: ServedBy;
  /** The Check's estimate plus what Extends added. */
  readonly estimate: Estimate;
  readonly held: Hold;
  readonly ttlMs: number;
  /** The instant whose windows the call is booked in. */
  readonly bookedAtMs: number;
  readonly expiresAtMs: number;
  /** The part of the hold whose cost the caller gave, if Extends were allowed since; see `ownPart`. */
  readonly own?: Estimate | undefined;
  /** The last Extend's sequence; 0 before the first. */
  readonly sequence: number;
}

/** Plans a settlement; `stored` is undefined for a post-paid Report, which then says its own path. */
export type SettlePlanner = (
  stored: StoredCall | undefined,
  nowMs: number,
  atLeastEpoch: number,
) => SettlePlan | Promise<SettlePlan>;

export interface ReportCall {
  readonly orgId: string;
  readonly requestId: string;
  /** Of the Report's own fields. */
  readonly content: Content;
  readonly plan: SettlePlanner;
  readonly deadlineMs: number | undefined;
}

export interface ReportAnswer {
  readonly usage: PricedUsage;
  /** More was used than the call had set aside. */
  readonly overHold: boolean;
  /** Settled after expiry or release. */
  readonly late: boolean;
  /** No Check of this request id was known. */
  readonly postPaid: boolean;
  /** Post-paid, and it names nobody that it is for: booked on the organization alone. */
  readonly unattributed: boolean;
  /** The usage was not known: what was held is booked in its place. */
  readonly usageAssumed: boolean;
  /** The limits whose threshold is reached or whose amount is passed after the settlement, in the windows of now. */
  readonly warnings: readonly ConsideredLimit[];
  readonly replayed: boolean;
}

/** What the end of a hold without a report needs of the policies. */
export interface ClosePlan extends Pick<SettlePlan, 'epoch' | 'calendar' | 'meters'> {
  /** What becomes of a hold whose time is over. */
  readonly onExpiry: 'RELEASE' | 'CHARGE';
}

/** Plans the end of a hold without a report. */
export type ClosePlanner = (
  stored: StoredCall,
  atLeastEpoch: number,
) => ClosePlan | Promise<ClosePlan>;

export interface ReleaseCall {
  readonly orgId: string;
  readonly requestId: string;
  readonly plan: ClosePlanner;
  readonly deadlineMs: number | undefined;
}

export interface ReleaseAnswer {
  readonly replayed: boolean;
}

/** Plans an Extend: the limits of now, asked for what is added. */
export type ExtendPlanner = (
  stored: StoredCall,
  nowMs: number,
  atLeastEpoch: number,
) => ExtendPlan | Promise<ExtendPlan>;

export interface ExtendCall {
  readonly orgId: string;
  readonly requestId: string;
  /** 1, 2, …; a gap is FIELD_INVALID. */
  readonly sequence: number;
  readonly content: Content;
  readonly ttlMs: number | undefined;
  readonly plan: ExtendPlanner;
  readonly deadlineMs: number | undefined;
}

export interface ExtendAnswer {
  readonly outcome: Outcome;
  readonly replayed: boolean;
}
