import type { ServiceImpl } from '@connectrpc/connect';
import type { PolicyService } from '../../../gen/tollgate/admin/v1/policies_pb.ts';
import type { PolicyStore } from '../../policies/policy-store.ts';
import { pageAnswer, readPage } from '../../wire/admin/page.ts';
import { policyFromMessage, readSubject } from '../../wire/admin/policies.ts';
import { policyRevisionToMessage } from '../../wire/admin/policy-revisions.ts';
import { readId } from '../../wire/fields.ts';
import { collectViolations } from '../../wire/violations.ts';
import { authorize } from './caller.ts';
import { inField, readChange, readOrgId, required } from './changes.ts';

/** Policies, by appending revisions. */
export function policyRoutes(store: PolicyStore): ServiceImpl<typeof PolicyService> {
  return {
    async putPolicy(request, context) {
      const orgId = readOrgId(request.orgId);
      authorize(context, 'write', orgId);
      const violations = collectViolations();
      const by = readChange(violations, context, request, 'any', request.etag);
      const policy = policyFromMessage(violations, required(request.policy, 'policy'));
      violations.throwIfAny();
      const revision = await inField('policy', store.putPolicy(orgId, policy, by));
      return { revision: policyRevisionToMessage(revision) };
    },

    async getPolicy(request, context) {
      const orgId = readOrgId(request.orgId);
      authorize(context, 'read', orgId);
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
      authorize(context, 'read', orgId);
      const violations = collectViolations();
      const page = readPage(violations, context.method.input, request);
      violations.throwIfAny();
      const listed = await store.listPolicies(orgId, page);
      return { revisions: listed.items.map(policyRevisionToMessage), ...pageAnswer(listed) };
    },

    async listPolicyRevisions(request, context) {
      const orgId = readOrgId(request.orgId);
      authorize(context, 'read', orgId);
      const violations = collectViolations();
      const page = readPage(violations, context.method.input, request);
      const subject = readSubject(violations, 'subject', request.subject);
      violations.throwIfAny();
      const listed = await store.listPolicyRevisions(orgId, subject, page);
      return { revisions: listed.items.map(policyRevisionToMessage), ...pageAnswer(listed) };
    },

    async revokeLimit(request, context) {
      const orgId = readOrgId(request.orgId);
      authorize(context, 'write', orgId);
      const violations = collectViolations();
      const by = readChange(violations, context, request, 'update', request.etag);
      const subject = readSubject(violations, 'subject', request.subject);
      const name = readId(violations, 'name', request.name);
      violations.throwIfAny();
      const revision = await store.revokeLimit(orgId, subject, name, by);
      return { revision: policyRevisionToMessage(revision) };
    },

    async deletePolicy(request, context) {
      const orgId = readOrgId(request.orgId);
      authorize(context, 'write', orgId);
      const violations = collectViolations();
      const by = readChange(violations, context, request, 'update', request.etag);
      const subject = readSubject(violations, 'subject', request.subject);
      violations.throwIfAny();
      const revision = await store.deletePolicy(orgId, subject, by);
      return { revision: policyRevisionToMessage(revision) };
    },
  };
}
