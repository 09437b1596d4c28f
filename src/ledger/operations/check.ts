import { conclude, concludeOk, crossedThresholds, nothingHeld } from '../../core/conclude.ts';
import type { CheckPlan } from '../../core/plan.ts';
import { countersOf } from '../meters/call-delta.ts';
import { limitEvents, thresholdEvents } from '../events/call-events.ts';
import { assertSameContent } from './conflict.ts';
import { holdStateOf } from '../calls/hold-state.ts';
import type { KnownCall } from '../calls/known-call.ts';
import type { CheckAnswer, CheckCall } from '../ledger.ts';
import { areSmall, isLarge } from './large.ts';
import type { LimitMemory } from './limit-memory.ts';
import { operationOf } from './operation.ts';
import type {
  DecisionContext,
  Operation,
  OptimisticPlan,
  Plan,
  Completion,
  Verdict,
} from './operation.ts';
import { usageOfCheck } from './settled-now.ts';
import { decodeOutcome, encodeExpected, encodeOutcome } from '../calls/outcome-record.ts';
import type { KeptOutcome } from '../calls/outcome-record.ts';

/** A Check at the ledger: its ask is added, then decided on exact sums, and taken back if refused. */
export function checkOperation(
  call: CheckCall,
  nowMs: () => number,
  completion: Completion<CheckAnswer>,
  limitMemory: LimitMemory,
): Operation {
  return operationOf(call, completion, {
    needsCall: false,
    plan(known, atLeastEpoch) {
      if (known !== undefined) {
        assertSameContent(known.content, call.content);
        if (known.answer !== undefined) {
          completion.resolve({
            outcome: decodeOutcome(known.answer, known.path),
            replayed: known.writtenBy !== completion.submission,
            holdState: holdStateOf(known),
          });
        }
        return undefined;
      }
      const plan = call.plan(atLeastEpoch, nowMs());
      return plan instanceof Promise
        ? plan.then((made) => planned(call, made, completion, limitMemory))
        : planned(call, plan, completion, limitMemory);
    },
  });
}

function planned(
  call: CheckCall,
  plan: CheckPlan,
  completion: Completion<CheckAnswer>,
  limitMemory: LimitMemory,
): Plan {
  // A call that is refused whatever the counters say adds nothing that would have to be taken back.
  const adds = plan.reasons.length === 0;
  const { hold } = plan;
  // The next Check like one that a limit refused is probably refused too: it is not added first, so that nothing
  // needs to be taken back. It is decided as any other.
  const isAddedAfter =
    isLarge(hold.cost, hold.input, hold.output) || limitMemory.wasRefused(call.orgId, plan);
  const isExpectedOk =
    !isAddedAfter && isForeseeable(plan) && !limitMemory.hasNearLimit(call.orgId, plan);
  return {
    epoch: plan.epoch,
    calendar: plan.calendar,
    fromMs: plan.fromMs,
    untilMs: plan.untilMs,
    known: undefined,
    bookedAtMs: undefined,
    meters: plan.meters,
    limitCount: plan.limits.length,
    inFlight: adds && plan.settledNow === undefined ? 1n : 0n,
    counters: adds ? addedBy(plan) : countersOf({}),
    isAddedAfter,
    ...(isExpectedOk && { optimistic: optimistic(call, plan, completion) }),
    decide: (context) => decide(call, plan, context, { completion, limitMemory }),
  };
}

/** What an allowed Check adds to its meters: a hold, or what is used at once. */
function addedBy({ hold, settledNow, estimate }: CheckPlan): readonly bigint[] {
  if (settledNow === undefined) {
    return countersOf({
      usedRequests: estimate.requests,
      heldCost: hold.cost,
      heldInput: hold.input,
      heldOutput: hold.output,
    });
  }
  return countersOf({
    usedRequests: estimate.requests,
    usedCost: settledNow.cost,
    usedInput: estimate.input,
    usedOutput: estimate.output ?? 0n,
  });
}

/** Whether a Check will be allowed, with all its limits OK, where none of them is near. */
function isForeseeable(plan: CheckPlan): boolean {
  const { reasons, bypass, hold, asks } = plan;
  return (
    reasons.length === 0 &&
    !(bypass.cost || bypass.rate || bypass.tokens) &&
    areSmall(hold.cost, hold.input, hold.output, ...Object.values(asks))
  );
}

function optimistic(
  call: CheckCall,
  plan: CheckPlan,
  completion: Completion<CheckAnswer>,
): OptimisticPlan {
  const { settledNow } = plan;
  return {
    limits: plan.limits,
    asks: plan.asks,
    call(nowMs) {
      const text = encodeExpected(plan, nowMs, endOfHold(call, plan, nowMs));
      return newCall(
        call,
        plan,
        completion.submission,
        { allowed: true, answer: { text, sums: [] } },
        nowMs,
      );
    },
    ...(settledNow && { usage: (settled) => usageOfCheck(settled, plan, settledNow) }),
    confirm(sums, nowMs) {
      const outcome = concludeOk(plan, sums, nowMs, endOfHold(call, plan, nowMs));
      const holdState = settledNow === undefined ? 'OPEN' : 'SETTLED';
      return () => completion.resolve({ outcome, replayed: false, holdState });
    },
  };
}

/** Undefined: nothing is held. */
function endOfHold({ ttlMs }: CheckCall, plan: CheckPlan, nowMs: number): number | undefined {
  return plan.settledNow === undefined ? nowMs + ttlMs : undefined;
}

function decide(
  call: CheckCall,
  plan: CheckPlan,
  context: DecisionContext,
  {
    completion,
    limitMemory,
  }: { readonly completion: Completion<CheckAnswer>; readonly limitMemory: LimitMemory },
): Verdict {
  const { nowMs } = context;
  const expiresAtMs = endOfHold(call, plan, nowMs);
  const outcome = conclude(plan, (index) => context.totals(index), nowMs, expiresAtMs);
  const stays = outcome.decision === 'ALLOW';
  limitMemory.learn(call.orgId, plan, outcome, !stays && plan.reasons.length === 0);
  const answer = encodeOutcome(outcome, plan);
  const [reason] = outcome.reasons;
  const decided = newCall(call, plan, completion.submission, { allowed: stays, answer }, nowMs);
  const insert = reason === undefined ? decided : { ...decided, reason };
  const events = limitEvents(insert, outcome, context);
  // A limit that is OK has reached none of its thresholds.
  if (stays && outcome.limits.some(({ status }) => status !== 'OK')) {
    const crossed = crossedThresholds(plan.limits, (index) => context.totals(index), plan.asks);
    events.push(...thresholdEvents(insert, plan, crossed, context, plan.asks));
  }
  const answered = { outcome, replayed: false, holdState: holdStateOf(insert) };
  const usage =
    stays && plan.settledNow !== undefined
      ? usageOfCheck(insert, plan, plan.settledNow)
      : undefined;
  return {
    stays,
    insert,
    ...(usage === undefined ? {} : { usage }),
    events,
    answer: () => completion.resolve(answered),
  };
}

function newCall(
  call: CheckCall,
  plan: CheckPlan,
  writtenBy: string,
  { allowed, answer }: { readonly allowed: boolean; readonly answer: KeptOutcome },
  nowMs: number,
): KnownCall {
  return {
    orgId: call.orgId,
    requestId: call.requestId,
    state: allowed ? stateOfAllowed(plan) : 'DENIED',
    version: 1,
    writtenBy,
    priceEpochs: plan.priceEpochs,
    path: plan.path,
    target: plan.target,
    served: plan.served,
    estimate: plan.estimate,
    held: allowed && plan.settledNow === undefined ? plan.hold : nothingHeld,
    ttlMs: call.ttlMs,
    bookedAtMs: nowMs,
    expiresAtMs: endOfHold(call, plan, nowMs) ?? nowMs,
    sequence: 0,
    content: call.content,
    answer,
    extends: [],
    closing: undefined,
  };
}

/** A call that is settled at its Check has no Report: `closing` stays undefined. */
function stateOfAllowed({ settledNow }: CheckPlan): KnownCall['state'] {
  return settledNow === undefined ? 'OPEN' : 'SETTLED';
}
