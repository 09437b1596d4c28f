import type { ChangedPolicy, PolicyEdit } from '../../policies/policy-changes.ts';
import type { Change, PolicyStore } from '../../policies/policy-store.ts';

/** Changes one policy. */
export async function changeOnePolicy(
  store: Pick<PolicyStore, 'changePolicies'>,
  orgId: string,
  edit: PolicyEdit,
  by: Change,
): Promise<ChangedPolicy> {
  const [changed] = await store.changePolicies(orgId, [edit], by);
  if (changed === undefined) throw new Error('a policy that was changed was not answered');
  return changed;
}
