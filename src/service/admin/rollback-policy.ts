import { subjectText } from '../../core/subject.ts';
import type { Subject } from '../../core/subject.ts';
import { ServiceError } from '../../platform/service-error.ts';
import type { ChangedPolicy, PolicyEdit } from '../../policies/policy-changes.ts';
import type { Change, PolicyStore } from '../../policies/policy-store.ts';
import { changeOnePolicy } from './change-one-policy.ts';

/** Which revision is restored, and the etag that the policy must have. */
export interface Rollback {
  readonly subject: Subject;
  readonly revision: number;
  readonly etag: string;
}

/**
 * Makes a policy again what it was, by appending a revision. Where that one deleted the policy, it is deleted; NOT_FOUND
 * `POLICY_NOT_FOUND` if there is no such revision, or no policy to delete.
 */
export async function rollbackPolicy(
  store: Pick<PolicyStore, 'changePolicies' | 'getPolicy'>,
  orgId: string,
  { subject, revision, etag }: Rollback,
  by: Change,
): Promise<ChangedPolicy> {
  // Revisions do not change, so it may be read before the organization is locked.
  const restored = await store.getPolicy(orgId, subject, revision);
  const edit: PolicyEdit = {
    subject,
    field: 'subject',
    etag,
    content: ['roll back', revision],
    edit(present) {
      if (restored.deleted && present === undefined) {
        const name = subjectText(subject);
        throw new ServiceError('POLICY_NOT_FOUND', `${name}: not found`, { metadata: { name } });
      }
      const { policy, deleted } = restored;
      return { policy, deleted, origin: { restored: revision } };
    },
  };
  return changeOnePolicy(store, orgId, edit, by);
}
