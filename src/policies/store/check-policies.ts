import { subjectText } from '../../core/subject.ts';
import { inTransaction } from '../../db/transaction.ts';
import type { PolicyStore } from '../policy-store.ts';
import type { StoreParts } from './change.ts';
import { assertMeterBounds } from './meter-bounds.ts';
import { requireSubjects } from './policy-bounds.ts';
import { isLive, readNewestOf } from './policy-revisions.ts';

/** Validates policies without the organization's lock. */
export function storedPolicyChecks({ pool }: StoreParts): Pick<PolicyStore, 'checkPolicies'> {
  return {
    checkPolicies: (orgId, policies) =>
      inTransaction(pool, async (client) => {
        const subjects = policies.map(({ policy }) => policy.subject);
        const named = policies.map(({ field, policy: { subject } }) => ({ field, subject }));
        await requireSubjects(client, orgId, named);
        const newest = await readNewestOf(client, orgId, subjects);
        const changes = policies.map(({ policy: after }) => {
          const last = newest.get(subjectText(after.subject));
          return { before: isLive(last) ? last.policy : undefined, after };
        });
        await assertMeterBounds(client, orgId, changes);
      }),
  };
}
