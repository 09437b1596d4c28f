import type { CallRequest } from '../core/call.ts';
import { planCheck } from '../core/plan-check.ts';
import type { CheckPlan } from '../core/plan.ts';
import type { CheckDependencies } from './check.ts';
import type { CallContext, CallInput, DecisionOutput } from './data-plane.ts';
import { withinMeterBound } from './meter-bound.ts';
import { findScope, unknownEverywhere, viewOf } from './scope.ts';
import { unknownCredential } from './undecided.ts';

/** Answers as Check would now, with every limit, and leaves no hold, request or event. See `Explain`. */
export function createExplain({ policies, ledger, clock }: CheckDependencies) {
  return async function explain(input: CallInput, context: CallContext): Promise<DecisionOutput> {
    const answer = { requestId: '', replayed: false, degraded: false };
    const scope = await findScope(policies, context.caller, input.orgId, input.credential);
    if (scope === unknownEverywhere) {
      return { ...answer, orgId: '', outcome: unknownCredential(clock.nowMs()) };
    }
    const { orgId, credential } = scope;
    const { subjects, target, served, estimate, settleNow } = input;
    const request: CallRequest = { subjects, credential, target, served, estimate, settleNow };
    const plan = async (atLeastEpoch: number, nowMs: number): Promise<CheckPlan> => {
      const view = await viewOf(policies, orgId, request, atLeastEpoch);
      return withinMeterBound(planCheck(view, request, nowMs));
    };
    const limits = { deadlineMs: context.deadlineMs, cancelled: context.cancelled?.() };
    const outcome = await ledger.explain(orgId, plan, limits);
    return { ...answer, orgId, outcome };
  };
}
