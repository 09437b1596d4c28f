import type { KnownCall } from '../calls/known-call.ts';
import type { ClosePlan, ClosePlanner } from '../ledger.ts';
import { countersOf } from '../meters/call-delta.ts';
import { closingPlan } from './closing.ts';
import { operationOf } from './operation.ts';
import type {
  Completion,
  DecisionContext,
  EndingPlan,
  Operation,
  Plan,
  Verdict,
} from './operation.ts';

/**
 * The end of a hold whose time is over; answers whether it was. That is judged by the time of the batch, under
 * the organization's lock: the hold may have been extended meanwhile, and no process's clock is asked.
 */
export function expireOperation(
  call: { readonly orgId: string; readonly requestId: string; readonly plan: ClosePlanner },
  completion: Pick<Completion<boolean>, 'resolve' | 'reject'>,
): Operation {
  return operationOf({ ...call, deadlineMs: undefined }, completion, {
    needsCall: true,
    async plan(known, atLeastEpoch) {
      if (known?.state !== 'OPEN') {
        completion.resolve(false);
        return undefined;
      }
      const plan = await call.plan(known, atLeastEpoch);
      const closing = closingPlan(known, plan, 0n, (context) =>
        expired(known, context, completion),
      );
      return { ...closing, ending: endingOf(known, closing, plan.onExpiry, completion) };
    },
  });
}

/** What `expired` decides where nothing has changed. */
function endingOf(
  hold: KnownCall,
  { counters }: Pick<Plan, 'counters'>,
  onExpiry: ClosePlan['onExpiry'],
  completion: Pick<Completion<boolean>, 'resolve'>,
): EndingPlan {
  const isCharged = onExpiry === 'CHARGE';
  const charge = isCharged ? chargeOf(hold) : [];
  return {
    hold,
    isCharged,
    counters: isCharged ? counters.map((counter, at) => counter + (charge[at] ?? 0n)) : counters,
    answer: () => completion.resolve(true),
  };
}

/** What was held counts as used. */
function chargeOf({ held: { cost, input, output } }: KnownCall): readonly bigint[] {
  return countersOf({ usedCost: cost, usedInput: input, usedOutput: output });
}

function expired(
  known: KnownCall,
  context: DecisionContext,
  completion: Pick<Completion<boolean>, 'resolve'>,
): Verdict {
  if (known.expiresAtMs > context.nowMs) {
    return { stays: false, events: [], answer: () => completion.resolve(false) };
  }
  const isCharged = context.onExpiry === 'CHARGE';
  return {
    stays: true,
    ...(isCharged ? { extra: chargeOf(known) } : {}),
    ends: { call: known, isCharged, atMs: context.nowMs },
    events: [],
    answer: () => completion.resolve(true),
  };
}
