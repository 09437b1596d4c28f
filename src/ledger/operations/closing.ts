import { ServiceError } from '../../platform/service-error.ts';
import { holdStateOf } from '../calls/hold-state.ts';
import type { KnownCall } from '../calls/known-call.ts';
import type { ClosePlan } from '../ledger.ts';
import { countersOf } from '../meters/call-delta.ts';
import type { DecisionContext, Plan, Verdict } from './operation.ts';

/** Plans the end of an open hold: what is held is given back, and `requests` are added to those used. */
export function closingPlan(
  known: KnownCall,
  plan: ClosePlan,
  requests: bigint,
  decide: (context: DecisionContext) => Verdict,
): Plan {
  const { epoch, calendar, meters } = plan;
  return {
    epoch,
    calendar,
    meters,
    known,
    bookedAtMs: known.bookedAtMs,
    inFlight: -1n,
    counters: countersOf({
      usedRequests: requests,
      heldCost: -known.held.cost,
      heldInput: -known.held.input,
      heldOutput: -known.held.output,
    }),
    isAddedAfter: false,
    decide,
  };
}

/** No call with this id is known. */
export function callNotFound(requestId: string): ServiceError {
  return new ServiceError('CALL_NOT_FOUND', `request_id: no call ${requestId} is known`, {
    metadata: { request_id: requestId },
  });
}

/** The hold has ended: it was settled, released or has expired, or the call was refused. */
export function holdNotOpen(known: KnownCall): ServiceError {
  const state = holdStateOf(known);
  return new ServiceError('HOLD_NOT_OPEN', `the hold is not open: ${state.toLowerCase()}`, {
    metadata: { hold_state: state },
  });
}
