import { callableTargets } from '../core/callable-targets.ts';
import type { CheckDependencies } from './check.ts';
import type { CallContext, CallInput, ListedTarget } from './data-plane.ts';
import { findScope, unknownEverywhere, viewOf } from './scope.ts';

/** Says for a path which targets may be called, and for the others why not. See `ListTargets`. */
export function createListTargets({ policies, clock }: Omit<CheckDependencies, 'ledger'>) {
  return async function listTargets(
    input: Omit<CallInput, 'target' | 'estimate'>,
    context: CallContext,
  ): Promise<readonly ListedTarget[]> {
    const scope = await findScope(policies, context.caller, input.orgId, input.credential);
    if (scope === unknownEverywhere) return [];
    const { subjects, served } = input;
    const request = { subjects, served, credential: scope.credential };
    const epoch = await policies.newestEpoch(scope.orgId);
    const view = await viewOf(policies, scope.orgId, request, epoch);
    return callableTargets(view, request, clock.nowMs()).map(({ name, kind, reasons }) => ({
      name,
      kind,
      allowed: reasons.length === 0,
      reasons,
    }));
  };
}
