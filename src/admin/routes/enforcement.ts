import type { ServiceImpl } from '@connectrpc/connect';
import type { EnforcementService } from '../../../gen/tollgate/admin/v1/enforcement_pb.ts';
import type { PolicyStore } from '../../policies/policy-store.ts';
import type { Events } from '../../service/admin/events.ts';
import { expireHolds } from '../../service/admin/expire-holds.ts';
import type { ExpireHolds } from '../../service/admin/expire-holds.ts';
import { listEvents } from '../../service/admin/list-events.ts';
import { eventActions, eventToMessage } from '../../wire/admin/events.ts';
import { readEnum, readIdOrNone, readText } from '../../wire/admin/fields.ts';
import { readPage } from '../../wire/admin/page.ts';
import { collectViolations } from '../../wire/violations.ts';
import { callerForOrg, callerForPlatform } from './caller.ts';
import { readOrgId } from './changes.ts';

const maxLimitName = 1000;

/** Events, and the sweep. */
export function enforcementRoutes(
  store: Pick<PolicyStore, 'getOrganization'>,
  events: Events,
  sweep: ExpireHolds,
): ServiceImpl<typeof EnforcementService> {
  return {
    async listEvents(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const page = readPage(violations, context.method.input, request);
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
      const { items, nextToken = '' } = await listEvents(store, events, filter, page);
      return { events: items.map(eventToMessage), nextPageToken: nextToken };
    },

    async expireHolds(request, context) {
      const orgId = request.orgId === undefined ? undefined : readOrgId(request.orgId);
      if (orgId === undefined) callerForPlatform(context);
      else callerForOrg(context, orgId);
      return { expiredCount: BigInt(await expireHolds(store, sweep, orgId, context.signal)) };
    },
  };
}
