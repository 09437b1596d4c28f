import { planExtend } from '../core/plan-extend.ts';
import { addUnits, maxUnitCount, maxUnits } from '../core/units.ts';
import type { Units } from '../core/units.ts';
import { invalidFields } from '../platform/service-error.ts';
import type { CheckDependencies } from './check.ts';
import { requestContent } from './content.ts';
import type { CallContext, DecisionOutput, ExtendInput } from './data-plane.ts';
import { withinMeterBound } from './meter-bound.ts';
import { needOf, orgOf } from './settlement.ts';
import { viewOf } from './scope.ts';

/** Adds to an open hold during a long stream, if the limits allow it. See `DecisionService.Extend`. */
export function createExtend({ policies, ledger }: CheckDependencies) {
  return async function extend(input: ExtendInput, context: CallContext): Promise<DecisionOutput> {
    const { requestId, sequence, ttlMs, added } = input;
    const orgId = await orgOf(policies, input, context);
    const numbers = { prefix: 'added', estimate: added };
    const answer = await ledger.extend({
      orgId,
      requestId,
      sequence,
      ttlMs,
      content: requestContent({ numbers, ttlMs }),
      deadlineMs: context.deadlineMs,
      async plan(stored, nowMs, atLeastEpoch) {
        withinUnitBound(stored.estimate.units, added.units);
        const view = await viewOf(policies, orgId, needOf(stored.path), atLeastEpoch);
        return withinMeterBound(planExtend(view, stored, added, nowMs));
      },
    });
    return { orgId, requestId, degraded: false, ...answer };
  };
}

/** Throws where a call would come to have more units, or more of one, than a call may have. */
function withinUnitBound(before: Units, added: Units): void {
  if (added.length === 0) return;
  const total = addUnits(before, added);
  const isWithin = total.length <= maxUnits && total.every(({ count }) => count <= maxUnitCount);
  if (isWithin) return;
  const description = `with what is held, must be at most ${maxUnits} units, ${maxUnitCount} of each`;
  throw invalidFields([{ field: 'added.units', description }]);
}
