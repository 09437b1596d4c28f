import { create } from '@bufbuild/protobuf';
import {
  CountGroup,
  EventAction,
  EventCountSchema,
} from '../../../gen/tollgate/admin/v1/enforcement_pb.ts';
import type {
  CountEventsRequest,
  EventCount,
} from '../../../gen/tollgate/admin/v1/enforcement_pb.ts';
import { Reason } from '../../../gen/tollgate/v1/outcome_pb.ts';
import { reasons } from '../../core/reason.ts';
import { saturated } from '../../core/totals.ts';
import type { CountRequest, TimedCount } from '../../service/admin/count-events.ts';
import { countGroups } from '../../service/admin/events.ts';
import { timestampOf } from '../time.ts';
import type { Violations } from '../violations.ts';
import { eventFilterFromMessage } from './event-filter.ts';
import { eventActions } from './events.ts';
import { readEnum, readEnumOrNone } from './fields.ts';

const intervals = ['HOUR', 'DAY'] as const;

/** Reads what is counted. */
export function countsFromMessage(
  violations: Violations,
  orgId: string,
  request: CountEventsRequest,
): CountRequest {
  const filter = eventFilterFromMessage(violations, orgId, request);
  const groupBy = readEnumOrNone(violations, 'group_by', request.groupBy, countGroups);
  if (groupBy === 'DENIAL_REASON') {
    const said = 'must not be set where calls are counted by the reason of their denial';
    if (filter.action !== undefined) violations.add('action', said);
    if (filter.limit !== undefined) violations.add('limit', said);
  }
  const interval = readEnum(violations, 'interval', request.interval, intervals, 'HOUR');
  return { filter, interval, groupBy };
}

/** Writes one count. */
export function countToMessage(count: TimedCount, groupBy: CountRequest['groupBy']): EventCount {
  return create(EventCountSchema, {
    startTime: timestampOf(count.bounds.startMs),
    endTime: timestampOf(count.bounds.endMs),
    occurrenceCount: saturated(count.count),
    isRest: groupBy !== undefined && count.group === undefined,
    ...groupToMessage(count.group ?? '', groupBy),
  });
}

function groupToMessage(
  group: string,
  groupBy: CountRequest['groupBy'],
): Partial<Pick<EventCount, 'action' | 'limit' | 'denialReason' | 'user' | 'target'>> {
  switch (CountGroup[groupBy ?? 'UNSPECIFIED']) {
    case CountGroup.ACTION:
      return {
        action: EventAction[eventActions.find((known) => known === group) ?? 'UNSPECIFIED'],
      };
    case CountGroup.DENIAL_REASON:
      return { denialReason: Reason[reasons.find((known) => known === group) ?? 'UNSPECIFIED'] };
    case CountGroup.LIMIT:
      return { limit: group };
    case CountGroup.USER:
      return { user: group };
    case CountGroup.TARGET:
      return { target: group };
    case CountGroup.UNSPECIFIED:
      return {};
  }
}
