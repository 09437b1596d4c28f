import type { ServiceImpl } from '@connectrpc/connect';
import type { EnforcementService } from '../../../gen/tollgate/admin/v1/enforcement_pb.ts';
import type { PolicyStore } from '../../policies/policy-store.ts';
import type { Events } from '../../service/events.ts';
import { eventActions, eventToMessage } from '../../wire/admin/events.ts';
import { readEnum, readIdOrNone, readPage, readText } from '../../wire/admin/fields.ts';
import { collectViolations } from '../../wire/violations.ts';
import { authorize } from './caller.ts';
import { readOrgId } from './changes.ts';

const maxLimitName = 1000;

/** Events, and the sweep. */
export function enforcementRoutes(
  store: Pick<PolicyStore, 'getOrganization'>,
  events: Events,
  expireHolds: (orgId?: string, signal?: AbortSignal) => Promise<number>,
): ServiceImpl<typeof EnforcementService> {
  return {
    async listEvents(request, context) {
      const orgId = readOrgId(request.orgId);
      authorize(context, 'read', orgId);
      const violations = collectViolations();
      const page = readPage(violations, request);
      const filter = {
        orgId,
        user: readIdOrNone(violations, 'user', request.user),
        action:
          request.action === 0
            ? undefined
            : readEnum(violations, 'action', request.action, eventActions, undefined),
        limit: readText(violations, 'limit', request.limit, maxLimitName) || undefined,
      };
      violations.throwIfAny();
      await store.getOrganization(orgId);
      const { items, nextToken = '' } = await events.list(filter, page);
      return { events: items.map(eventToMessage), nextPageToken: nextToken };
    },

    async expireHolds(request, context) {
      const orgId = request.orgId === undefined ? undefined : readOrgId(request.orgId);
      authorize(context, orgId === undefined ? 'operate' : 'write', orgId);
      if (orgId !== undefined) await store.getOrganization(orgId);
      return { expired: BigInt(await expireHolds(orgId, context.signal)) };
    },
  };
}
