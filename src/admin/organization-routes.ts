import type { HandlerContext, ServiceImpl } from '@connectrpc/connect';
import { OrganizationSchema } from '../../gen/tollgate/admin/v1/organizations_pb.ts';
import type {
  Organization as Message,
  OrganizationService,
  UpdateOrganizationRequest,
} from '../../gen/tollgate/admin/v1/organizations_pb.ts';
import type { Organization } from '../core/organization.ts';
import type { PolicyStore, Stored } from '../policies/policy-store.ts';
import { ServiceError } from '../platform/service-error.ts';
import { mayActFor } from '../service/caller.ts';
import { readPage } from '../wire/admin-fields.ts';
import { organizationFromMessage, organizationToMessage } from '../wire/admin-organizations.ts';
import { collectViolations } from '../wire/violations.ts';
import { authorize } from './caller.ts';
import { masked, readChange, readOrgId, required } from './changes.ts';

const field = 'organization';

/** Organizations; creating one takes the role platform_admin. */
export function organizationRoutes(store: PolicyStore): ServiceImpl<typeof OrganizationService> {
  return {
    async createOrganization(request, context) {
      const caller = authorize(context, 'operate');
      const violations = collectViolations();
      const by = readChange(violations, caller, request, 'create');
      const message = required(request.organization, field);
      const organization = organizationFromMessage(violations, field, message);
      violations.throwIfAny();
      return {
        organization: organizationToMessage(await store.createOrganization(organization, by)),
      };
    },

    async getOrganization(request, context) {
      const orgId = readOrgId(request.orgId);
      authorize(context, 'read', orgId);
      return { organization: organizationToMessage(await store.getOrganization(orgId)) };
    },

    async listOrganizations(request, context) {
      const caller = authorize(context, 'read');
      const violations = collectViolations();
      const page = readPage(violations, request);
      violations.throwIfAny();
      const { items, nextToken = '' } = await store.listOrganizations(page);
      const own = items.filter(({ record }) => mayActFor(caller, record.id));
      return { organizations: own.map(organizationToMessage), nextPageToken: nextToken };
    },

    async updateOrganization(request, context) {
      const sent = required(request.organization, field);
      const orgId = readOrgId(sent.id, `${field}.id`);
      return { organization: organizationToMessage(await update(request, sent, orgId, context)) };
    },
  };

  async function update(
    request: UpdateOrganizationRequest,
    sent: Message,
    orgId: string,
    context: HandlerContext,
  ): Promise<Stored<Organization>> {
    const caller = authorize(context, 'write', orgId);
    const violations = collectViolations();
    const present = await presentOrganization(orgId, request.allowMissing);
    if (present === undefined) authorize(context, 'operate');
    const { updateMask: mask } = request;
    const full =
      mask === undefined || present === undefined
        ? sent
        : masked(OrganizationSchema, sent, organizationToMessage(present), mask);
    const etag = sent.etag === '' && mask !== undefined ? (present?.etag ?? '') : sent.etag;
    const by = readChange(
      violations,
      caller,
      request,
      present === undefined ? 'create' : 'update',
      etag,
    );
    const organization = organizationFromMessage(violations, field, full);
    violations.throwIfAny();
    return present === undefined
      ? store.createOrganization(organization, by)
      : store.updateOrganization(organization, by);
  }

  async function presentOrganization(
    orgId: string,
    mayBeMissing: boolean,
  ): Promise<Stored<Organization> | undefined> {
    try {
      return await store.getOrganization(orgId);
    } catch (cause) {
      const isMissing = cause instanceof ServiceError && cause.kind === 'NOT_FOUND';
      if (isMissing && mayBeMissing) return undefined;
      throw cause;
    }
  }
}
