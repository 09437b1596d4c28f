import type { ServiceImpl } from '@connectrpc/connect';
import type { UserPolicyFormService } from '../../../gen/tollgate/admin/v1/user_policy_forms_pb.ts';
import type { PolicyStore } from '../../policies/policy-store.ts';
import { updateUserPolicyForm } from '../../service/admin/update-user-policy-form.ts';
import { pageAnswer, readPage } from '../../wire/admin/page.ts';
import {
  userPolicyFormFromMessage,
  userPolicyFormToMessage,
} from '../../wire/admin/user-policy-forms.ts';
import { readId } from '../../wire/fields.ts';
import { collectViolations } from '../../wire/violations.ts';
import { callerForOrg } from './caller.ts';
import { presentOrNone, readChange, readOrgId, required } from './changes.ts';

/** The policies of users as forms. */
export function userPolicyFormRoutes(
  store: PolicyStore,
): ServiceImpl<typeof UserPolicyFormService> {
  const displayNameOf = async (orgId: string, id: string): Promise<string> => {
    const users = await store.getMany(orgId, 'user', [id]);
    return users.get(id)?.record.displayName ?? '';
  };
  return {
    async getUserPolicyForm(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const id = readId(violations, 'user_id', request.userId);
      violations.throwIfAny();
      const subject = { kind: 'user' as const, id };
      await store.getOrganization(orgId);
      const policy = await presentOrNone(store.getPolicy(orgId, subject, undefined));
      const name = await displayNameOf(orgId, id);
      return { userPolicyForm: userPolicyFormToMessage(id, name, policy) };
    },

    async listUserPolicyForms(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const page = readPage(violations, context.method.input, request);
      violations.throwIfAny();
      const listed = await store.listUsersWithPolicies(orgId, page);
      const userPolicyForms = listed.items.map(({ id, user, policy }) =>
        userPolicyFormToMessage(id, user?.displayName ?? '', policy),
      );
      return { userPolicyForms, nextPageToken: pageAnswer(listed).nextPageToken };
    },

    async updateUserPolicyForm(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const sent = required(request.userPolicyForm, 'user_policy_form');
      const violations = collectViolations();
      const by = readChange(violations, context, request, 'any');
      const update = userPolicyFormFromMessage(violations, sent, request.updateMask);
      violations.throwIfAny();
      const { revision } = await updateUserPolicyForm(store, orgId, update, by);
      const name = await displayNameOf(orgId, update.userId);
      return {
        userPolicyForm: userPolicyFormToMessage(update.userId, name, revision),
        revision: BigInt(revision.policy.revision),
      };
    },
  };
}
