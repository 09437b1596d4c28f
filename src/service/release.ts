import type { CallContext, ReleaseInput, ReleaseOutput } from './data-plane.ts';
import type { CheckDependencies } from './check.ts';
import { closePlanner, orgOf } from './settlement.ts';

/** Gives back a hold whose call never happened. See `DecisionService.Release`. */
export function createRelease({ policies, ledger }: CheckDependencies) {
  return async function release(input: ReleaseInput, context: CallContext): Promise<ReleaseOutput> {
    const { requestId } = input;
    const orgId = await orgOf(policies, input, context);
    const answer = await ledger.release({
      orgId,
      requestId,
      plan: closePlanner(policies),
      deadlineMs: context.deadlineMs,
    });
    return { orgId, requestId, ...answer };
  };
}
