import type { ReleaseAnswer, ReleaseCall } from '../ledger.ts';
import { callNotFound, closingPlan, holdNotOpen } from './closing.ts';
import { operationOf } from './operation.ts';
import type { Operation, Told } from './operation.ts';

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
      return closingPlan(known, await call.plan(known, atLeastEpoch), -1n, () => ({
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
