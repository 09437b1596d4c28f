import type { CallRequest } from '../../core/call.ts';
import { draftView } from '../../core/draft-view.ts';
import type { Outcome } from '../../core/outcome.ts';
import { planCheck } from '../../core/plan-check.ts';
import type { CheckPlan } from '../../core/plan.ts';
import type { Policy } from '../../core/policy.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { Policies } from '../../policies/policies.ts';
import type { PolicyStore } from '../../policies/policy-store.ts';
import { withinMeterBound } from '../meter-bound.ts';
import { viewOf } from '../scope.ts';
import type { Reading } from './reading.ts';

/** What a call would be answered now, and what it would be with the drafts; undefined: there are none. */
export interface ExplainedCall {
  readonly present: Outcome;
  readonly draft: Outcome | undefined;
}

/** What ExplainCall needs. */
export interface ExplainCallParts {
  readonly store: Pick<PolicyStore, 'checkPolicies'>;
  readonly policies: Policies;
  readonly ledger: Pick<Ledger, 'compare'>;
}

/**
 * Answers as Check would now, under the present policies and with drafts in place of some, on the same sums. Drafts
 * are validated as UpdatePolicy does. Nothing is written. See `CallService.ExplainCall`.
 */
export function createExplainCall({ store, policies, ledger }: ExplainCallParts) {
  return async function explainCall(
    orgId: string,
    request: CallRequest,
    drafts: readonly Policy[],
    reading: Reading,
  ): Promise<ExplainedCall> {
    if (drafts.length > 0) {
      const named = drafts.map((policy, index) => ({ policy, field: `drafts[${index}].subject` }));
      await store.checkPolicies(orgId, named);
    }
    const plans = async (atLeastEpoch: number, nowMs: number): Promise<readonly CheckPlan[]> => {
      const view = await viewOf(policies, orgId, request, atLeastEpoch);
      const views = drafts.length === 0 ? [view] : [view, draftView(view, drafts)];
      return views.map((one) => withinMeterBound(planCheck(one, request, nowMs)));
    };
    const [present, draft] = await ledger.compare(orgId, plans, reading);
    if (present === undefined) throw new Error('a plan has no outcome');
    return { present, draft };
  };
}
