import { setImmediate as giveTurn } from 'node:timers/promises';
import type { ServiceImpl } from '@connectrpc/connect';
import type { PolicyService } from '../../../gen/tollgate/admin/v1/policies_pb.ts';
import { diffPolicies } from '../../core/diff-policies.ts';
import type { PolicyStore } from '../../policies/policy-store.ts';
import { changeOnePolicy } from '../../service/admin/change-one-policy.ts';
import { policyDeletion } from '../../service/admin/delete-policy.ts';
import type { createGetEffectivePolicy } from '../../service/admin/get-effective-policy.ts';
import { getPolicyDiff } from '../../service/admin/get-policy-diff.ts';
import type { createListUserPolicies } from '../../service/admin/list-user-policies.ts';
import type { createReviewPolicies } from '../../service/admin/review-policies.ts';
import { revokeLimits } from '../../service/admin/revoke-limits.ts';
import { rollbackPolicy } from '../../service/admin/rollback-policy.ts';
import { updateLimits } from '../../service/admin/update-limits.ts';
import {
  effectivePolicyToMessage,
  userPolicyFilterFromMessage,
  userPolicyToMessage,
} from '../../wire/admin/effective-policies.ts';
import {
  limitRevocationFromMessage,
  limitsRevocationFromMessage,
  limitsUpdateFromMessage,
  limitUpdateFromMessage,
} from '../../wire/admin/limit-requests.ts';
import {
  limitRevisionFilterFromMessage,
  limitRevisionToMessage,
} from '../../wire/admin/limit-revisions.ts';
import { pageAnswer, readPage } from '../../wire/admin/page.ts';
import { readSubject } from '../../wire/admin/policies.ts';
import { policyChangeToMessage, policyDiffToMessage } from '../../wire/admin/policy-diff.ts';
import { policyEditFromMessage } from '../../wire/admin/policy-edit.ts';
import {
  comparedFromMessage,
  copySourceFromMessage,
  policyCopiesFromMessage,
  policyUpdatesFromMessage,
  readRevision,
  rollbackFromMessage,
} from '../../wire/admin/policy-requests.ts';
import { policyRevisionToMessage } from '../../wire/admin/policy-revisions.ts';
import { collectViolations } from '../../wire/violations.ts';
import { callerForOrg, readLimits } from './caller.ts';
import { readChange, readOrgId } from './changes.ts';

/** What answers about policies in force. */
export interface PolicyReads {
  readonly getEffectivePolicy: ReturnType<typeof createGetEffectivePolicy>;
  readonly listUserPolicies: ReturnType<typeof createListUserPolicies>;
  readonly reviewPolicies: ReturnType<typeof createReviewPolicies>;
}

/** Policies, by appending revisions. */
export function policyRoutes(
  store: PolicyStore,
  { getEffectivePolicy, listUserPolicies, reviewPolicies }: PolicyReads,
): ServiceImpl<typeof PolicyService> {
  const changes: Pick<PolicyStore, 'changePolicies' | 'getPolicy'> = {
    getPolicy: (...asked) => store.getPolicy(...asked),
    async changePolicies(orgId, edits, by) {
      return store.changePolicies(orgId, await reviewPolicies(orgId, edits), by);
    },
  };
  return {
    async updatePolicy(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const by = readChange(violations, context, request, 'any');
      const edit = policyEditFromMessage(violations, 'policy', request);
      violations.throwIfAny();
      await giveTurn();
      const changed = await changeOnePolicy(changes, orgId, edit, by);
      await giveTurn();
      const message = policyChangeToMessage(changed);
      // Reading, turning and writing the largest policy take some milliseconds each.
      await giveTurn();
      return message;
    },

    async getPolicy(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const subject = readSubject(violations, 'subject', request.subject);
      const revision = readRevision(violations, 'revision', request.revision);
      violations.throwIfAny();
      const found = await store.getPolicy(orgId, subject, revision);
      return { revision: policyRevisionToMessage(found) };
    },

    async listPolicies(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const page = readPage(violations, context.method.input, request);
      violations.throwIfAny();
      const listed = await store.listPolicies(orgId, page);
      return { revisions: listed.items.map(policyRevisionToMessage), ...pageAnswer(listed) };
    },

    async listPolicyRevisions(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const page = readPage(violations, context.method.input, request);
      const subject = readSubject(violations, 'subject', request.subject);
      violations.throwIfAny();
      const listed = await store.listPolicyRevisions(orgId, subject, page);
      return { revisions: listed.items.map(policyRevisionToMessage), ...pageAnswer(listed) };
    },

    async updateLimit(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const by = readChange(violations, context, request, 'any');
      const update = limitUpdateFromMessage(violations, request);
      violations.throwIfAny();
      return policyChangeToMessage(await updateLimits(changes, orgId, update, by));
    },

    async updateLimits(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const by = readChange(violations, context, request, 'any');
      const update = limitsUpdateFromMessage(violations, request);
      violations.throwIfAny();
      return policyChangeToMessage(await updateLimits(changes, orgId, update, by));
    },

    async revokeLimit(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const by = readChange(violations, context, request, 'update');
      const revocation = limitRevocationFromMessage(violations, request);
      violations.throwIfAny();
      return policyChangeToMessage(await revokeLimits(changes, orgId, revocation, by));
    },

    async revokeLimits(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const by = readChange(violations, context, request, 'update');
      const revocation = limitsRevocationFromMessage(violations, request);
      violations.throwIfAny();
      return policyChangeToMessage(await revokeLimits(changes, orgId, revocation, by));
    },

    async listLimitRevisions(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const page = readPage(violations, context.method.input, request);
      const filter = limitRevisionFilterFromMessage(violations, request);
      violations.throwIfAny();
      const { items, nextToken = '' } = await store.listLimitRevisions(orgId, filter, page);
      return { revisions: items.map(limitRevisionToMessage), nextPageToken: nextToken };
    },

    async batchUpdatePolicies(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const by = readChange(violations, context, request, 'any');
      const edits = policyUpdatesFromMessage(violations, request);
      violations.throwIfAny();
      const changed = await changes.changePolicies(orgId, edits, by);
      return { changes: changed.map(policyChangeToMessage) };
    },

    async copyPolicy(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const by = readChange(violations, context, request, 'any');
      const { subject, revision, updated } = copySourceFromMessage(violations, request);
      violations.throwIfAny();
      const source = await store.getPolicy(orgId, subject, revision);
      const edits = policyCopiesFromMessage(violations, request, source, updated);
      const changed = await changes.changePolicies(orgId, edits, by);
      return { changes: changed.map(policyChangeToMessage) };
    },

    async rollbackPolicy(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const by = readChange(violations, context, request, 'any');
      const rollback = rollbackFromMessage(violations, request);
      violations.throwIfAny();
      return policyChangeToMessage(await rollbackPolicy(changes, orgId, rollback, by));
    },

    async getPolicyDiff(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const compared = comparedFromMessage(violations, request);
      violations.throwIfAny();
      const { earlier, later } = await getPolicyDiff(store, orgId, compared);
      const after = later.deleted ? undefined : later.policy;
      return {
        diff: policyDiffToMessage(diffPolicies(earlier?.policy, after)),
        later: policyRevisionToMessage(later),
        ...(earlier === undefined ? {} : { earlier: policyRevisionToMessage(earlier) }),
      };
    },

    async getEffectivePolicy(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const subject = readSubject(violations, 'subject', request.subject);
      violations.throwIfAny();
      const policy = await getEffectivePolicy(orgId, subject, readLimits(context));
      return { policy: effectivePolicyToMessage(policy) };
    },

    async listUserPolicies(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const page = readPage(violations, context.method.input, request);
      const filter = userPolicyFilterFromMessage(violations, orgId, request);
      violations.throwIfAny();
      const { items, nextToken = '' } = await listUserPolicies(filter, page, readLimits(context));
      return { users: items.map(userPolicyToMessage), nextPageToken: nextToken };
    },

    async deletePolicy(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const by = readChange(violations, context, request, 'update');
      const subject = readSubject(violations, 'subject', request.subject);
      violations.throwIfAny();
      const edit = policyDeletion(subject, request.etag);
      return policyChangeToMessage(await changeOnePolicy(changes, orgId, edit, by));
    },
  };
}
