import type { ServiceImpl } from '@connectrpc/connect';
import { PolicySchema } from '../../../gen/tollgate/admin/v1/policies_pb.ts';
import type { Policy, PolicyService } from '../../../gen/tollgate/admin/v1/policies_pb.ts';
import { absentEtag } from '../../policies/policy-store.ts';
import type { ChangedPolicy, PolicyRevision } from '../../policies/policy-changes.ts';
import type { Change, PolicyStore } from '../../policies/policy-store.ts';
import { revokeLimits } from '../../service/admin/revoke-limits.ts';
import { updateLimits } from '../../service/admin/update-limits.ts';
import { conditionalUpdate } from '../../service/admin/conditional-update.ts';
import {
  limitRevocationFromMessage,
  limitsRevocationFromMessage,
  limitsUpdateFromMessage,
  limitUpdateFromMessage,
} from '../../wire/admin/limit-requests.ts';
import { pageAnswer, readPage } from '../../wire/admin/page.ts';
import { policyFromMessage, readSubject } from '../../wire/admin/policies.ts';
import { policyRevisionToMessage } from '../../wire/admin/policy-revisions.ts';
import { faultsOfUpdated, readUpdateMask, updatedMessage } from '../../wire/admin/update-mask.ts';
import { collectViolations } from '../../wire/violations.ts';
import { callerForOrg } from './caller.ts';
import { inField, presentOrNone, readChange, readOrgId, required } from './changes.ts';

/** Policies, by appending revisions. */
export function policyRoutes(store: PolicyStore): ServiceImpl<typeof PolicyService> {
  return {
    async updatePolicy(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const sent = required(request.policy, 'policy');
      const updated = readUpdateMask(PolicySchema, sent, request.updateMask);
      const violations = collectViolations();
      const by = readChange(violations, context, request, 'any', sent.etag);
      const { subject } = policyFromMessage(faultsOfUpdated(violations, 'policy', updated), sent);
      violations.throwIfAny();
      const revision = await conditionalUpdate({
        etag: sent.etag,
        read: async () =>
          updated === 'everything'
            ? undefined
            : presentOrNone(store.getPolicy(orgId, subject, undefined)),
        write: (present, etag) => {
          if (updated === 'everything') return put(orgId, sent, { ...by, etag });
          if (present === undefined) return put(orgId, sent, { ...by, etag: etag || absentEtag });
          const { policy = sent } = policyRevisionToMessage(present);
          const full = updatedMessage(PolicySchema, sent, policy, updated);
          return put(orgId, full, { ...by, etag });
        },
      });
      return { revision: policyRevisionToMessage(revision) };
    },

    async getPolicy(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const subject = readSubject(violations, 'subject', request.subject);
      const { revision } = request;
      const isRevision = revision === undefined || (revision >= 1n && revision <= 2_147_483_647n);
      if (!isRevision) violations.add('revision', 'must be 1 or more');
      violations.throwIfAny();
      const number = revision === undefined ? undefined : Number(revision);
      return { revision: policyRevisionToMessage(await store.getPolicy(orgId, subject, number)) };
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
      authorize(context, 'write', orgId);
      const violations = collectViolations();
      const by = readChange(violations, context, request, 'any');
      const update = limitUpdateFromMessage(violations, request);
      violations.throwIfAny();
      return changeToMessage(await updateLimits(store, orgId, update, by));
    },

    async updateLimits(request, context) {
      const orgId = readOrgId(request.orgId);
      authorize(context, 'write', orgId);
      const violations = collectViolations();
      const by = readChange(violations, context, request, 'any');
      const update = limitsUpdateFromMessage(violations, request);
      violations.throwIfAny();
      return changeToMessage(await updateLimits(store, orgId, update, by));
    },

    async revokeLimit(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const by = readChange(violations, context, request, 'update');
      const revocation = limitRevocationFromMessage(violations, request);
      violations.throwIfAny();
      return changeToMessage(await revokeLimits(store, orgId, revocation, by));
    },

    async revokeLimits(request, context) {
      const orgId = readOrgId(request.orgId);
      authorize(context, 'write', orgId);
      const violations = collectViolations();
      const by = readChange(violations, context, request, 'update');
      const revocation = limitsRevocationFromMessage(violations, request);
      violations.throwIfAny();
      return changeToMessage(await revokeLimits(store, orgId, revocation, by));
    },

    async deletePolicy(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const by = readChange(violations, context, request, 'update', request.etag);
      const subject = readSubject(violations, 'subject', request.subject);
      violations.throwIfAny();
      const revision = await store.deletePolicy(orgId, subject, by);
      return { revision: policyRevisionToMessage(revision) };
    },
  };

  async function put(orgId: string, full: Policy, by: Change): Promise<PolicyRevision> {
    const violations = collectViolations();
    const policy = policyFromMessage(violations, full);
    violations.throwIfAny();
    return inField('policy', store.putPolicy(orgId, policy, by));
  }
}

/** What every change of one policy answers. */
function changeToMessage({ revision }: ChangedPolicy) {
  return { revision: policyRevisionToMessage(revision) };
}
