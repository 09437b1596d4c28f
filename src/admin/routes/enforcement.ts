import type { ServiceImpl } from '@connectrpc/connect';
import type { EnforcementService } from '../../../gen/tollgate/admin/v1/enforcement_pb.ts';
import type { PolicyStore } from '../../policies/policy-store.ts';
import type { createCountEvents } from '../../service/admin/count-events.ts';
import type { Events } from '../../service/admin/events.ts';
import { expireHolds } from '../../service/admin/expire-holds.ts';
import type { ExpireHolds } from '../../service/admin/expire-holds.ts';
import { listEvents } from '../../service/admin/list-events.ts';
import { countsFromMessage, countToMessage } from '../../wire/admin/event-counts.ts';
import { eventFilterFromMessage } from '../../wire/admin/event-filter.ts';
import { eventToMessage } from '../../wire/admin/events.ts';
import { readPage } from '../../wire/admin/page.ts';
import { timestampOf } from '../../wire/time.ts';
import { collectViolations } from '../../wire/violations.ts';
import { callerForOrg, callerForPlatform } from './caller.ts';
import { readOrgId } from './changes.ts';
import { readingOf } from './reading.ts';

/** What reads and counts events. */
export interface EventRouteParts {
  readonly events: Events;
  readonly countEvents: ReturnType<typeof createCountEvents>;
}

/** Events, and the sweep. */
export function enforcementRoutes(
  store: Pick<PolicyStore, 'getOrganization'>,
  { events, countEvents }: EventRouteParts,
  sweep: ExpireHolds,
): ServiceImpl<typeof EnforcementService> {
  return {
    async listEvents(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const page = readPage(violations, context.method.input, request);
      const filter = eventFilterFromMessage(violations, orgId, request);
      violations.throwIfAny();
      const listed = await listEvents(store, events, filter, page, readingOf(context));
      const { items, nextToken = '', searchedToMs } = listed;
      return {
        events: items.map(eventToMessage),
        nextPageToken: nextToken,
        ...(searchedToMs === undefined ? {} : { searchedToTime: timestampOf(searchedToMs) }),
      };
    },

    async countEvents(request, context) {
      const orgId = readOrgId(request.orgId);
      callerForOrg(context, orgId);
      const violations = collectViolations();
      const asked = countsFromMessage(violations, orgId, request);
      violations.throwIfAny();
      const { counts, countedFromMs } = await countEvents(asked, readingOf(context));
      return {
        counts: counts.map((count) => countToMessage(count, asked.groupBy)),
        ...(countedFromMs === undefined ? {} : { countedFromTime: timestampOf(countedFromMs) }),
      };
    },

    async expireHolds(request, context) {
      const orgId = request.orgId === undefined ? undefined : readOrgId(request.orgId);
      if (orgId === undefined) callerForPlatform(context);
      else callerForOrg(context, orgId);
      return { expiredCount: BigInt(await expireHolds(store, sweep, orgId, context.signal)) };
    },
  };
}
