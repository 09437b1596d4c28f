import type { Subject } from '../../core/subject.ts';
import type { PolicyRevision } from '../../policies/policy-changes.ts';
import type { PolicyStore } from '../../policies/policy-store.ts';

/** Two revisions of one policy; undefined is nothing declared. */
export interface ComparedRevisions {
  readonly earlier: PolicyRevision | undefined;
  readonly later: PolicyRevision;
}

/** Which revisions are compared; an absent `to` is the newest, an absent `from` the one before it, 0 is nothing. */
export interface RevisionsToCompare {
  readonly subject: Subject;
  readonly from: number | undefined;
  readonly to: number | undefined;
}

/** Reads two revisions of one policy. NOT_FOUND `POLICY_NOT_FOUND` if one is not there. */
export async function getPolicyDiff(
  store: Pick<PolicyStore, 'getPolicy' | 'listPolicyRevisions'>,
  orgId: string,
  { subject, from, to }: RevisionsToCompare,
): Promise<ComparedRevisions> {
  const later = await (to === undefined
    ? newest(store, orgId, subject)
    : store.getPolicy(orgId, subject, to));
  const number = from ?? later.policy.revision - 1;
  const earlier = number === 0 ? undefined : await store.getPolicy(orgId, subject, number);
  return { earlier, later };
}

/** Also one that deleted the policy. */
async function newest(
  store: Pick<PolicyStore, 'getPolicy' | 'listPolicyRevisions'>,
  orgId: string,
  subject: Subject,
): Promise<PolicyRevision> {
  const { items } = await store.listPolicyRevisions(orgId, subject, { size: 1, token: undefined });
  return items[0] ?? store.getPolicy(orgId, subject, undefined);
}
