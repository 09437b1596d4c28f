import type { ReleaseAnswer, ReleaseCall } from '../ledger.ts';
import { callNotFound, closingPlan, holdNotOpen } from './closing.ts';
import { operationOf } from './operation.ts';
import type { Completion, Operation } from './operation.ts';

/** A Release at the ledger: the hold, its request and its slot are given back. */
export function releaseOperation(
  call: ReleaseCall,
  completion: Completion<ReleaseAnswer>,
): Operation {
  return operationOf(call, completion, {
    needsCall: true,
    async plan(known, atLeastEpoch) {
      if (known === undefined) throw callNotFound(call.requestId);
      if (known.state === 'RELEASED' || known.closing?.afterRelease === true) {
        completion.resolve({ replayed: known.releasedBy !== completion.submission });
        return undefined;
      }
      if (known.state !== 'OPEN') throw holdNotOpen(known);
      const plan = await call.plan(known, atLeastEpoch);
      return closingPlan(known, plan, -known.estimate.requests, () => ({
        stays: true,
        update: {
          ...known,
          state: 'RELEASED',
          version: known.version + 1,
          releasedBy: completion.submission,
        },
        events: [],
        answer: () => completion.resolve({ replayed: false }),
      }));
    },
  });
}
