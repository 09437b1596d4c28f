import { crossedThresholds } from '../../core/conclude.ts';
import type { ConsideredLimit } from '../../core/outcome.ts';
import { standingWarnings } from '../../core/standing-warnings.ts';
import { addUnits } from '../../core/units.ts';
import { countersOf, windowStarts } from '../meters/call-delta.ts';
import { aboutCall } from '../events/about-call.ts';
import { thresholdEvents } from '../events/call-events.ts';
import type { EventRecord } from '../events/event-record.ts';
import { assertSameContent, settledByCheck } from './conflict.ts';
import type { KnownClosing } from '../calls/closing-record.ts';
import type { KnownCall } from '../calls/known-call.ts';
import type { PricedUsage, ReportAnswer, ReportCall, SettlePlan } from '../ledger.ts';
import { isLarge } from './large.ts';
import { operationOf } from './operation.ts';
import type { Completion, DecisionContext, Operation, Plan, Verdict } from './operation.ts';
import { baseNames } from '../calls/subjects.ts';
import type { UsageRecord } from '../record/usage-record.ts';

/** A Report at the ledger: the hold is replaced by what was used, in the windows of the hold. */
export function reportOperation(
  call: ReportCall,
  nowMs: () => number,
  completion: Completion<ReportAnswer>,
): Operation {
  return operationOf(call, completion, {
    needsCall: true,
    async plan(known, atLeastEpoch) {
      if (known?.closing !== undefined) {
        const { content, writtenBy } = known.closing;
        assertSameContent(content, call.content);
        completion.resolve(answerOf(known.closing, writtenBy !== completion.submission));
        return undefined;
      }
      if (known?.state === 'SETTLED') throw settledByCheck();
      const plan = await call.plan(known, nowMs(), atLeastEpoch);
      return planned(call, plan, known, completion);
    },
  });
}

/** How a Report changes the meters and the record, by the state that it finds the call in. */
interface Settlement {
  /**
   * What has become of the hold. NONE: there was none, and the usage is booked now; otherwise in the windows of the
   * hold. OPEN: it is given back, and its slot with it. ENDED: it was given back before, and the Report is late. CHARGED:
   * it was booked as usage when it expired, and the late Report books only the difference.
   */
  readonly hold: 'NONE' | 'OPEN' | 'ENDED' | 'CHARGED';
  /** The meters count its weight; that of a call that was checked they count already. */
  readonly isCounted: boolean;
  /** The record adds its weight. */
  readonly isRecorded: boolean;
}

type ReportedState = Exclude<KnownCall['state'], 'SETTLED'>;

const withoutHold: Settlement = { hold: 'NONE', isCounted: true, isRecorded: true };

const settlements: Readonly<Record<ReportedState, Settlement>> = {
  DENIED: withoutHold,
  OPEN: { hold: 'OPEN', isCounted: false, isRecorded: true },
  RELEASED: { hold: 'ENDED', isCounted: true, isRecorded: true },
  EXPIRED: { hold: 'ENDED', isCounted: false, isRecorded: false },
  CHARGED: { hold: 'CHARGED', isCounted: false, isRecorded: false },
};

function settlementOf(known: KnownCall | undefined): Settlement {
  if (known === undefined) return withoutHold;
  if (known.state === 'SETTLED') throw new Error('a settled call has a closing');
  return settlements[known.state];
}

const nothing = { cost: 0n, input: 0n, output: 0n };

function planned(
  call: ReportCall,
  plan: SettlePlan,
  known: KnownCall | undefined,
  completion: Completion<ReportAnswer>,
): Plan {
  const settlement = settlementOf(known);
  const { hold, isCounted } = settlement;
  const booked = lessCharged(plan.usage, settlement, known);
  const held = hold === 'OPEN' ? (known?.held ?? nothing) : nothing;
  return {
    epoch: plan.epoch,
    calendar: plan.calendar,
    fromMs: plan.fromMs,
    untilMs: plan.untilMs,
    known,
    bookedAtMs: hold === 'NONE' ? undefined : known?.bookedAtMs,
    meters: plan.meters,
    inFlight: hold === 'OPEN' ? -1n : 0n,
    counters: countersOf({
      usedCost: booked.cost,
      usedInput: booked.input,
      usedOutput: booked.output,
      usedRequests: isCounted ? plan.requests : 0n,
      heldCost: -held.cost,
      heldInput: -held.input,
      heldOutput: -held.output,
    }),
    isAddedAfter: isLarge(booked.cost, booked.input, booked.output),
    isDecidedAfter: true,
    decide: (context) => decide(call, plan, known, settlement, context, completion),
  };
}

function decide(
  call: ReportCall,
  plan: SettlePlan,
  known: KnownCall | undefined,
  settlement: Settlement,
  context: DecisionContext,
  completion: Completion<ReportAnswer>,
): Verdict {
  const { usage } = plan;
  const closing: KnownClosing = {
    writtenBy: completion.submission,
    content: call.content,
    usage,
    overHold: known !== undefined && !plan.isAssumed && isOver(usage, known),
    late: settlement.hold === 'ENDED' || settlement.hold === 'CHARGED',
    afterRelease: known?.state === 'RELEASED',
    postPaid: known === undefined,
    unattributed: plan.isUnattributed,
    usageAssumed: plan.isAssumed,
    warnings: warningsOf(plan, context),
  };
  const settled = settledCall(call, plan, known, settlement, closing, context.nowMs);
  const record: UsageRecord = {
    orgId: call.orgId,
    requestId: call.requestId,
    kind: settlement.hold === 'CHARGED' ? 'CORRECTION' : 'CALL',
    bookedAtMs: settled.bookedAtMs,
    subjects: baseNames(settled.path),
    user: settled.path.user,
    usage: lessCharged(usage, settlement, known),
    requests: settlement.isRecorded ? plan.requests : 0n,
    overHold: closing.overHold,
    late: closing.late,
    assumed: closing.usageAssumed,
  };
  return {
    stays: true,
    ...(known === undefined ? { insert: settled } : { update: settled }),
    usage: record,
    events: eventsOf(settled, plan, context),
    answer: () => completion.resolve(answerOf(closing, false)),
  };
}

function answerOf(closing: KnownClosing, replayed: boolean): ReportAnswer {
  const { usage, overHold, late, postPaid, unattributed, usageAssumed, warnings } = closing;
  return { usage, overHold, late, postPaid, unattributed, usageAssumed, warnings, replayed };
}

/** Those of the limits that apply to the path, as they stand after the settlement. */
function warningsOf(plan: SettlePlan, context: DecisionContext): readonly ConsideredLimit[] {
  if (plan.limits.length === 0) return [];
  const { nowMs } = context;
  return standingWarnings(
    plan,
    (index) => context.totals(index),
    (index, window) => context.startMs(index, window),
    windowStarts(plan.calendar, nowMs),
    nowMs,
  );
}

function eventsOf(call: KnownCall, plan: SettlePlan, context: DecisionContext): EventRecord[] {
  const crossed = crossedThresholds(plan.limits, (index) => context.totals(index), undefined);
  const events = thresholdEvents(call, plan, crossed, context, undefined);
  return plan.isUnattributed ? [unattributed(call, context), ...events] : events;
}

/** Nobody is charged but the organization: perhaps a gateway that does not say who a call is for. */
function unattributed(call: KnownCall, context: DecisionContext): EventRecord {
  return {
    ...aboutCall(call, context),
    action: 'UNATTRIBUTED',
    sum: undefined,
    limit: undefined,
  };
}

function settledCall(
  call: ReportCall,
  plan: SettlePlan,
  known: KnownCall | undefined,
  settlement: Settlement,
  closing: KnownClosing,
  nowMs: number,
): KnownCall {
  const { usage } = plan;
  if (known !== undefined) {
    const bookedAtMs = settlement.hold === 'NONE' ? nowMs : known.bookedAtMs;
    return { ...known, state: 'SETTLED', version: known.version + 1, closing, bookedAtMs };
  }
  return {
    orgId: call.orgId,
    requestId: call.requestId,
    state: 'SETTLED',
    version: 1,
    writtenBy: closing.writtenBy,
    priceEpochs: plan.priceEpochs,
    path: plan.path,
    target: usage.target,
    served: usage.served,
    estimate: {
      input: usage.input,
      output: usage.output,
      reasoningOutput: usage.reasoningOutput,
      cachedInput: usage.cachedInput,
      cacheWrite: usage.cacheWrite,
      cacheWrite1h: usage.cacheWrite1h,
      units: usage.units,
      requests: plan.requests,
      cost: usage.cost,
    },
    held: nothing,
    ttlMs: 0,
    bookedAtMs: nowMs,
    expiresAtMs: nowMs,
    sequence: 0,
    content: undefined,
    answer: undefined,
    extends: [],
    closing,
  };
}

/** Cost, and input plus output, against what the Check and its Extends set aside; not each kind apart. */
function isOver(usage: PricedUsage, { held }: KnownCall): boolean {
  return usage.cost > held.cost || usage.input + usage.output > held.input + held.output;
}

/** The usage less what the record has of this call already. */
function lessCharged(
  usage: PricedUsage,
  { hold }: Settlement,
  known: KnownCall | undefined,
): PricedUsage {
  if (hold !== 'CHARGED' || known === undefined) return usage;
  return {
    ...usage,
    cost: usage.cost - known.held.cost,
    input: usage.input - known.held.input,
    output: usage.output - known.held.output,
    units: addUnits(usage.units, known.estimate.units, -1n),
  };
}
