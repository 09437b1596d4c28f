import { ServiceError } from '../../platform/service-error.ts';
import { countersOf } from '../meters/call-delta.ts';
import type { KnownCall } from '../calls/known-call.ts';
import type { ClosePlanner, ReleaseAnswer, ReleaseCall } from '../ledger.ts';
import { operationOf } from './operation.ts';
import type { DecisionContext, Operation, Plan, Told, Verdict } from './operation.ts';

/** A Release at the ledger: the hold, its request and its slot are given back. */
export function releaseOperation(call: ReleaseCall, told: Told<ReleaseAnswer>): Operation {
  return operationOf(call, told, {
    needsCall: true,
    async plan(known, atLeastEpoch) {
      if (known === undefined) throw callNotFound(call.requestId);
      if (known.state === 'RELEASED' || known.closing?.afterRelease === true) {
        told.resolve({ replayed: known.releasedBy !== told.submission });
        return undefined;
      }
      if (known.state !== 'OPEN') throw holdNotOpen(known);
      return closing(known, await call.plan(known, atLeastEpoch), -1n, () => ({
        stays: true,
        update: {
          ...known,
          state: 'RELEASED',
          version: known.version + 1,
          releasedBy: told.submission,
        },
        events: [],
        answer: () => told.resolve({ replayed: false }),
      }));
    },
  });
}

/**
 * The end of a hold whose time is over; answers whether it was. That is judged by the time of the batch, under
 * the organization's lock: the hold may have been extended meanwhile, and no process's clock is asked.
 */
export function expireOperation(
  call: { readonly orgId: string; readonly requestId: string; readonly plan: ClosePlanner },
  told: Pick<Told<boolean>, 'resolve' | 'reject'>,
): Operation {
  return operationOf({ ...call, deadlineMs: undefined }, told, {
    needsCall: true,
    async plan(known, atLeastEpoch) {
      if (known?.state !== 'OPEN') {
        told.resolve(false);
        return undefined;
      }
      const plan = await call.plan(known, atLeastEpoch);
      return closing(known, plan, 0n, (context) => expired(known, context, told));
    },
  });
}

/** No call of this id was ever seen. */
export function callNotFound(requestId: string): ServiceError {
  return new ServiceError(
    'NOT_FOUND',
    'CALL_NOT_FOUND',
    `request_id: no call ${requestId} is known`,
  );
}

/** The hold has ended: it was settled, released or has expired, or the call was refused. */
export function holdNotOpen(known: KnownCall): ServiceError {
  const state = known.state.toLowerCase();
  return new ServiceError('FAILED_PRECONDITION', 'HOLD_NOT_OPEN', `the hold is not open: ${state}`);
}

function closing(
  known: KnownCall,
  plan: Awaited<ReturnType<ClosePlanner>>,
  requests: bigint,
  decide: (context: DecisionContext) => Verdict,
): Plan {
  return {
    ...plan,
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

function expired(
  known: KnownCall,
  context: DecisionContext,
  told: Pick<Told<boolean>, 'resolve'>,
): Verdict {
  if (known.expiresAtMs > context.nowMs) {
    return { stays: false, events: [], answer: () => told.resolve(false) };
  }
  const isCharged = context.onExpiry === 'CHARGE';
  const { cost, input, output } = known.held;
  const charge = { usedCost: cost, usedInput: input, usedOutput: output };
  return {
    stays: true,
    ...(isCharged ? { extra: countersOf(charge) } : {}),
    ends: { call: known, isCharged, atMs: context.nowMs },
    events: [],
    answer: () => told.resolve(true),
  };
}
