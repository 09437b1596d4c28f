import type { KnownCall } from '../calls/known-call.ts';
import type { ClosePlanner } from '../ledger.ts';
import { countersOf } from '../meters/call-delta.ts';
import { closingPlan } from './closing.ts';
import { operationOf } from './operation.ts';
import type { Completion, DecisionContext, Operation, Verdict } from './operation.ts';

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
      return closingPlan(known, plan, 0n, (context) => expired(known, context, completion));
    },
  });
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
  const { cost, input, output } = known.held;
  const charge = { usedCost: cost, usedInput: input, usedOutput: output };
  return {
    stays: true,
    ...(isCharged ? { extra: countersOf(charge) } : {}),
    ends: { call: known, isCharged, atMs: context.nowMs },
    events: [],
    answer: () => completion.resolve(true),
  };
}
