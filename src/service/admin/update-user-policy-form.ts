import type { Policy } from '../../core/policy.ts';
import { withForm } from '../../core/user-policy-form.ts';
import type { UserPolicyForm } from '../../core/user-policy-form.ts';
import { invalidFields } from '../../platform/service-error.ts';
import type { ChangedPolicy } from '../../policies/policy-changes.ts';
import type { Change, PolicyStore } from '../../policies/policy-store.ts';
import { changeOnePolicy } from './change-one-policy.ts';

/** What an UpdateUserPolicyForm asks for. */
export interface UserPolicyFormUpdate {
  readonly userId: string;
  readonly form: UserPolicyForm;
  readonly changed: ReadonlySet<keyof UserPolicyForm>;
  /** The etag of the policy; empty: any. */
  readonly etag: string;
}

/** Changes fields of a user's policy, under the lock; what the form cannot show is kept. */
export function updateUserPolicyForm(
  store: Pick<PolicyStore, 'changePolicies'>,
  orgId: string,
  { userId, form, changed, etag }: UserPolicyFormUpdate,
  by: Change,
): Promise<ChangedPolicy> {
  const subject = { kind: 'user', id: userId } as const;
  const taken = [...changed].map((field) => [field, form[field]]);
  const edit = {
    subject,
    etag,
    field: 'user_policy_form.user_id',
    content: ['user policy form', taken],
    edit(present: { readonly policy: Policy } | undefined) {
      const nothing = { limits: [], access: undefined, bypass: undefined, notes: '' };
      const before = present?.policy ?? { ...nothing, subject, revision: 0 };
      const policy = withForm(before, form, changed);
      requireNotes(policy);
      return { policy };
    },
  };
  return changeOnePolicy(store, orgId, edit, by);
}

function requireNotes({ bypass, notes }: Policy): void {
  if (bypass === undefined || notes.trim() !== '') return;
  const description = 'is required beside a bypass: say why';
  throw invalidFields([{ field: 'user_policy_form.notes', description }]);
}
