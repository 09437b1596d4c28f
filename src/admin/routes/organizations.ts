import type { HandlerContext, ServiceImpl } from '@connectrpc/connect';
import { OrganizationSchema } from '../../../gen/tollgate/admin/v1/organizations_pb.ts';
import type {
  Organization as Message,
  OrganizationService,
  UpdateOrganizationRequest,
} from '../../../gen/tollgate/admin/v1/organizations_pb.ts';
import type { Organization } from '../../core/organization.ts';
import type { PolicyStore, Stored } from '../../policies/policy-store.ts';
import { readPage } from '../../wire/admin/fields.ts';
import { organizationFromMessage, organizationToMessage } from '../../wire/admin/organizations.ts';
import { collectViolations } from '../../wire/violations.ts';
import { conditionalUpdate } from '../../service/admin/conditional-update.ts';
import { authorize } from './caller.ts';
import { masked, maskedFields, presentOr, readChange, readOrgId, required } from './changes.ts';

const field = 'organization';

/** Organizations; creating one takes the role platform_admin. */
export function organizationRoutes(store: PolicyStore): ServiceImpl<typeof OrganizationService> {
  return {
    async createOrganization(request, context) {
      authorize(context, 'operate');
      const violations = collectViolations();
      const by = readChange(violations, context, request, 'create');
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
      const { items, nextToken = '' } = await store.listOrganizations(page, caller.orgIds);
      return { organizations: items.map(organizationToMessage), nextPageToken: nextToken };
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
    authorize(context, 'write', orgId);
    const { updateMask: mask, allowMissing } = request;
    const fields = mask && maskedFields(OrganizationSchema, mask);
    return conditionalUpdate({
      etag: sent.etag,
      read: () => presentOr(store.getOrganization(orgId), allowMissing),
      write: async (present, etag) => {
        if (present === undefined) authorize(context, 'operate');
        const isMasked = fields !== undefined && present !== undefined;
        const full = isMasked
          ? masked(OrganizationSchema, sent, organizationToMessage(present), fields)
          : sent;
        const violations = collectViolations();
        const condition = isMasked ? etag : sent.etag;
        const by = readChange(violations, context, request, 'update', condition);
        const organization = organizationFromMessage(violations, field, full);
        violations.throwIfAny();
        return present === undefined
          ? store.createOrganization(organization, by)
          : store.updateOrganization(organization, by);
      },
    });
  }
}
