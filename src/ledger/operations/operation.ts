import type { Meter } from '../../core/meter.ts';
import type { Asks, PlannedLimit } from '../../core/plan.ts';
import type { Window } from '../../core/policy.ts';
import type { Calendar } from '../../core/window.ts';
import type { MeterTotals } from '../../core/totals.ts';
import type { EndedHold } from '../calls/ended-hold.ts';
import type { EventRecord } from '../events/event-record.ts';
import type { KnownCall } from '../calls/known-call.ts';
import type { UsageRecord } from '../record/usage-record.ts';

/**
 * One request at the ledger, from planning to its answer. An operation is planned on what is believed
 * (policies of an epoch, a version of the call), joins a batch, and is decided under the organization's
 * lock; where a belief proved old, it is planned again and joins a later batch.
 */
export interface Operation {
  readonly orgId: string;
  readonly requestId: string;
  /** Monotonic clock, milliseconds; undefined: no limit. */
  readonly deadlineMs: number | undefined;
  /**
   * Plans, given the call as known (undefined: never seen) and the least epoch to plan with. Undefined when
   * there is nothing left to do, because what is known already answers it.
   */
  plan(
    known: KnownCall | undefined,
    atLeastEpoch: number,
  ): Plan | undefined | Promise<Plan | undefined>;
  /** Whether planning needs the call as it is known; a Check does not: its call should not exist yet. */
  readonly needsCall: boolean;
  reject(cause: unknown): void;
}

/** How an operation ends: exactly one of `resolve` and `reject` is called, once. */
export interface Completion<Answer> {
  /**
   * Names this submission in what it writes: after a commit whose answer was lost it finds its own work, and knows it
   * from a caller's earlier submission.
   */
  readonly submission: string;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (cause: unknown) => void;
}

/** Makes the operation that a call asks for. */
export function operationOf(
  { orgId, requestId, deadlineMs }: Pick<Operation, 'orgId' | 'requestId' | 'deadlineMs'>,
  { reject }: Pick<Completion<never>, 'reject'>,
  how: Pick<Operation, 'needsCall' | 'plan'>,
): Operation {
  return { orgId, requestId, deadlineMs, reject, ...how };
}

/** What an operation wants, on its beliefs. */
export interface Plan {
  readonly epoch: number;
  readonly calendar: Calendar;
  /** The call that it was planned on; undefined: there is none. */
  readonly known: KnownCall | undefined;
  /** From this instant on the plan holds; undefined: whatever the time. */
  readonly fromMs?: number;
  /** Before this instant the plan holds; undefined: whatever the time. */
  readonly untilMs?: number;
  /** Where the delta is booked; undefined: now. */
  readonly bookedAtMs: number | undefined;
  readonly meters: readonly Meter[];
  /** Limits that it decides and answers, for what it costs; default 0. */
  readonly limitCount?: number;
  /** Where it is judged in the windows of `bookedAtMs` instead of those of now. */
  readonly judged?: readonly { readonly meterIndex: number; readonly window: Window }[];
  readonly inFlight: bigint;
  readonly counters: readonly bigint[];
  /** Added only after it was decided, if it stays: too large to be added first, or hardly to be allowed. */
  readonly isAddedAfter: boolean;
  /** It stays whatever the sums are, so it is decided on those after it; otherwise on those before. */
  readonly isDecidedAfter?: boolean;
  /** How it may be written before it is decided, where nothing is expected to refuse it. */
  readonly optimistic?: OptimisticPlan;
  /** How the hold is ended before it is decided, where nothing else is foreseen than that its time is over. */
  readonly ending?: EndingPlan;
  /** Decides, under the lock; only if every belief held. */
  decide(context: DecisionContext): Verdict;
}

/** What a Check writes if all its limits will be OK; the database makes sure of that. */
export interface OptimisticPlan {
  readonly limits: readonly PlannedLimit[];
  readonly asks: Asks;
  /** The call as it is written, without the sums of its limits. */
  call(nowMs: number): KnownCall;
  /** What is recorded of it, where it is settled at once. */
  readonly usage?: (call: KnownCall) => UsageRecord;
  /** The answer to give, from what was used and held of each limit before; called after the commit. */
  confirm(sums: readonly bigint[], nowMs: number): () => void;
}

/** The end of a hold whose time is over, if all is as foreseen; the database makes sure of that. */
export interface EndingPlan {
  readonly hold: KnownCall;
  /** It is booked as usage. */
  readonly isCharged: boolean;
  /** In place of the counters of the plan, with those of a charge. */
  readonly counters: readonly bigint[];
  /** Gives the answer, after the commit. */
  readonly answer: () => void;
}

/** What is known under the lock. */
export interface DecisionContext {
  readonly nowMs: number;
  /** Totals before the operation (after it: `Plan.isDecidedAfter`), by the index in `Plan.meters`. */
  totals(meterIndex: number): MeterTotals;
  /** The start of a window of a meter, milliseconds since 1970. */
  startMs(meterIndex: number, windowIndex: number): number;
  /** What the organization wants of expired holds. */
  readonly onExpiry: 'RELEASE' | 'CHARGE';
}

/** What an operation does. */
export interface Verdict {
  /** The delta stays; otherwise it is taken back. */
  readonly stays: boolean;
  /**
   * Counters that are added with the delta, in the same windows, for amounts that are known only under the lock (a
   * charge at expiry).
   */
  readonly extra?: readonly bigint[];
  readonly insert?: KnownCall;
  readonly update?: KnownCall;
  /** Its call, usage and event are written from the call's row. */
  readonly ends?: EndedHold;
  readonly usage?: UsageRecord;
  readonly events: readonly EventRecord[];
  /** Gives the answer, after the commit. */
  readonly answer: () => void;
}
