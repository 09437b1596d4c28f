import { conclude } from '../../core/conclude.ts';
import type { CheckPlan } from '../../core/plan.ts';
import type { ExtendPlan } from '../../core/plan-extend.ts';
import { invalidFields } from '../../platform/service-error.ts';
import { callNotFound, holdNotOpen } from './closing.ts';
import { countersOf } from '../meters/call-delta.ts';
import { limitEvents } from '../events/call-events.ts';
import { assertSameContent } from './conflict.ts';
import type { KnownCall } from '../calls/known-call.ts';
import type { ExtendAnswer, ExtendCall } from '../ledger.ts';
import { isLarge } from './large.ts';
import { operationOf } from './operation.ts';
import type { Completion, DecisionContext, Operation, Plan, Verdict } from './operation.ts';

/** An Extend at the ledger: adds to an open hold if the limits allow it, and moves its expiry. */
export function extendOperation(
  call: ExtendCall,
  nowMs: () => number,
  completion: Completion<ExtendAnswer>,
): Operation {
  return operationOf(call, completion, {
    needsCall: true,
    async plan(known, atLeastEpoch) {
      if (known === undefined) throw callNotFound(call.requestId);
      const first = known.extends[call.sequence - 1];
      if (first !== undefined) {
        assertSameContent(first.content, call.content);
        completion.resolve({
          outcome: first.outcome,
          replayed: first.writtenBy !== completion.submission,
        });
        return undefined;
      }
      if (known.state !== 'OPEN') throw holdNotOpen(known);
      const plan = await call.plan(known, nowMs(), atLeastEpoch);
      if (call.sequence === known.sequence + 1) return planned(call, known, plan, completion);
      return misnumbered(known, plan, completion);
    },
  });
}

/**
 * Refuses a number that is not the next one, but only under the lock: what is remembered here may be
 * older than an Extend at another replica.
 */
function misnumbered(known: KnownCall, plan: CheckPlan, { reject }: Completion<never>): Plan {
  const description = `expected ${known.sequence + 1}, the next of this call`;
  return {
    epoch: plan.epoch,
    calendar: plan.calendar,
    fromMs: plan.fromMs,
    untilMs: plan.untilMs,
    known,
    bookedAtMs: known.bookedAtMs,
    meters: plan.meters,
    inFlight: 0n,
    counters: countersOf({}),
    isAddedAfter: false,
    decide: () => ({
      stays: false,
      events: [],
      answer: () => reject(invalidFields([{ field: 'sequence', description }])),
    }),
  };
}

function planned(
  call: ExtendCall,
  known: KnownCall,
  plan: ExtendPlan,
  completion: Completion<ExtendAnswer>,
): Plan {
  const { hold } = plan;
  const adds = plan.reasons.length === 0;
  return {
    epoch: plan.epoch,
    calendar: plan.calendar,
    fromMs: plan.fromMs,
    untilMs: plan.untilMs,
    known,
    bookedAtMs: known.bookedAtMs,
    meters: plan.meters,
    limitCount: plan.limits.length,
    judged: plan.limits.flatMap(({ limit: { window }, meterIndex }) =>
      window === undefined || window === 'LIFETIME' ? [] : [{ meterIndex, window }],
    ),
    inFlight: 0n,
    counters: adds
      ? countersOf({ heldCost: hold.cost, heldInput: hold.input, heldOutput: hold.output })
      : countersOf({}),
    isAddedAfter: isLarge(hold.cost, hold.input, hold.output),
    decide: (context) => decide(call, known, plan, context, completion),
  };
}

function decide(
  call: ExtendCall,
  known: KnownCall,
  plan: ExtendPlan,
  context: DecisionContext,
  completion: Completion<ExtendAnswer>,
): Verdict {
  const expiresAtMs = context.nowMs + (call.ttlMs ?? known.ttlMs);
  const decided = conclude(plan, (index) => context.totals(index), context.nowMs, expiresAtMs);
  const stays = decided.decision === 'ALLOW';
  const held = stays ? sum(known.held, plan.hold) : known.held;
  // Of the call altogether: a refused Extend leaves its hold as it was.
  const outcome = {
    ...decided,
    heldCost: held.cost,
    heldInput: held.input,
    heldOutput: held.output,
  };
  const answered = {
    sequence: call.sequence,
    writtenBy: completion.submission,
    content: call.content,
    outcome,
  };
  const update: KnownCall = {
    ...known,
    version: known.version + 1,
    sequence: call.sequence,
    extends: [...known.extends, answered],
    held,
    ...(stays ? { estimate: plan.estimate, own: plan.own, expiresAtMs } : {}),
  };
  return {
    stays,
    update,
    events: limitEvents(known, outcome, context),
    answer: () => completion.resolve({ outcome, replayed: false }),
  };
}

function sum(a: KnownCall['held'], b: KnownCall['held']): KnownCall['held'] {
  return { cost: a.cost + b.cost, input: a.input + b.input, output: a.output + b.output };
}
