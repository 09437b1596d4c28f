import type { HandlerContext, ServiceImpl } from '@connectrpc/connect';
import { OrganizationSchema } from '../../../gen/tollgate/admin/v1/organizations_pb.ts';
import type {
  Organization as Message,
  OrganizationService,
  UpdateOrganizationRequest,
} from '../../../gen/tollgate/admin/v1/organizations_pb.ts';
import type { Policy as PolicyMessage } from '../../../gen/tollgate/admin/v1/policies_pb.ts';
import type { Organization } from '../../core/organization.ts';
import type { Policy } from '../../core/policy.ts';
import type { Change, PolicyStore, Stored } from '../../policies/policy-store.ts';
import { pageAnswer, readPage } from '../../wire/admin/page.ts';
import {
  organizationFromMessage,
  organizationToMessage,
  withOrganizationCounts,
} from '../../wire/admin/organizations.ts';
import { policyFromMessage } from '../../wire/admin/policies.ts';
import { policyRevisionToMessage } from '../../wire/admin/policy-revisions.ts';
import { faultsOfUpdated, readUpdateMask, updatedMessage } from '../../wire/admin/update-mask.ts';
import { collectViolations } from '../../wire/violations.ts';
import type { Violations } from '../../wire/violations.ts';
import { conditionalUpdate } from '../../service/admin/conditional-update.ts';
import { callerForOrg, callerForPlatform, callerOf } from './caller.ts';
import { presentOrNone, readChange, readOrgId, required } from './changes.ts';

const field = 'organization';

/** Organizations; creating one takes the role platform_admin. */
export function organizationRoutes(store: PolicyStore): ServiceImpl<typeof OrganizationService> {
  return {
    async createOrganization(request, context) {
      callerForPlatform(context);
      const violations = collectViolations();
      const by = readChange(violations, context, request, 'create');
      const message = required(request.organization, field);
      const organization = organizationFromMessage(violations, field, message);
      const policy = request.policy && organizationPolicy(violations, request.policy);
      violations.throwIfAny();
      const created = await store.createOrganization(organization, by, policy);
      return {
        organization: organizationToMessage(created),
        ...(created.policy && { policy: policyRevisionToMessage(created.policy) }),
      };
    },

    async getOrganization(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      return { organization: await counted(await store.getOrganization(orgId)) };
    },

    async listOrganizations(request, context) {
      const caller = callerOf(context);
      const violations = collectViolations();
      const page = readPage(violations, context.method.input, request);
      violations.throwIfAny();
      const listed = await store.listOrganizations(page, caller.orgIds);
      const counts = await store.countOrganizations(listed.items.map(({ record }) => record.id));
      const organizations = listed.items.map((stored) =>
        withOrganizationCounts(organizationToMessage(stored), counts.get(stored.record.id)),
      );
      return { organizations, ...pageAnswer(listed) };
    },

    async updateOrganization(request, context) {
      const sent = required(request.organization, field);
      const orgId = readOrgId(sent.id, `${field}.id`);
      return { organization: await counted(await update(request, sent, orgId, context)) };
    },
  };

  async function counted(stored: Stored<Organization>): Promise<Message> {
    const { id } = stored.record;
    const counts = await store.countOrganizations([id]);
    return withOrganizationCounts(organizationToMessage(stored), counts.get(id));
  }

  async function update(
    request: UpdateOrganizationRequest,
    sent: Message,
    orgId: string,
    context: HandlerContext,
  ): Promise<Stored<Organization>> {
    callerForOrg(context, orgId);
    const updated = readUpdateMask(OrganizationSchema, sent, request.updateMask);
    const violations = collectViolations();
    const by = readChange(violations, context, request, 'update', sent.etag);
    organizationFromMessage(faultsOfUpdated(violations, field, updated), field, sent);
    violations.throwIfAny();
    return conditionalUpdate({
      etag: sent.etag,
      read: () => presentOrNone(store.getOrganization(orgId)),
      write: async (present, etag) => {
        if (present === undefined) return createAbsent(orgId, sent, by, context);
        const full = updatedMessage(
          OrganizationSchema,
          sent,
          organizationToMessage(present),
          updated,
        );
        const condition = updated === 'everything' ? sent.etag : etag;
        return store.updateOrganization(readWhole(full), { ...by, etag: condition });
      },
    });
  }

  function createAbsent(
    orgId: string,
    sent: Message,
    by: Change,
    context: HandlerContext,
  ): Promise<Stored<Organization>> {
    if (by.exists !== 'any') return store.getOrganization(orgId);
    callerForPlatform(context);
    return store.createOrganization(readWhole(sent), by);
  }
}

function organizationPolicy(violations: Violations, message: PolicyMessage): Policy {
  const subject = message.subject === '' ? 'org' : message.subject;
  const policy = policyFromMessage(violations, { ...message, subject });
  if (policy.subject.kind !== 'org') violations.add('policy.subject', 'must be org or empty');
  return policy;
}

function readWhole(message: Message): Organization {
  const violations = collectViolations();
  const organization = organizationFromMessage(violations, field, message);
  violations.throwIfAny();
  return organization;
}
