import { planExtend } from '../core/plan-extend.ts';
import type { CheckDependencies } from './check.ts';
import { requestContent } from './content.ts';
import type { CallContext, DecisionOutput, ExtendInput } from './data-plane.ts';
import { withinMeterBound } from './meter-bound.ts';
import { needOf, orgOf } from './settlement.ts';
import { viewOf } from './scope.ts';

/** Adds to an open hold during a long stream, if the limits allow it. See `DecisionService.Extend`. */
export function createExtend({ policies, ledger, clock }: CheckDependencies) {
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
      async plan(stored, atLeastEpoch) {
        const view = await viewOf(policies, orgId, needOf(stored.path), atLeastEpoch);
        return withinMeterBound(planExtend(view, stored, added, clock.nowMs()));
      },
    });
    return { orgId, requestId, degraded: false, ...answer };
  };
}
