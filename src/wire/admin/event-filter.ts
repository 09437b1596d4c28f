import type { CountEventsRequest } from '../../../gen/tollgate/admin/v1/enforcement_pb.ts';
import type { EventFilter } from '../../service/admin/events.ts';
import type { Violations } from '../violations.ts';
import { eventActions } from './events.ts';
import { isTooLong, readEnumOrNone, readIdOrNone, readText } from './fields.ts';
import { readSubject } from './policies.ts';
import { readSpan } from './span.ts';

const maxLimitName = 1000;
const maxSubjects = 8;

/** Reads which events are asked for. */
export function eventFilterFromMessage(
  violations: Violations,
  orgId: string,
  request: Omit<CountEventsRequest, '$typeName' | 'orgId' | 'interval' | 'groupBy'>,
): EventFilter {
  const { subjects } = request;
  const isTooMany = isTooLong(violations, 'subjects', subjects, maxSubjects);
  return {
    orgId,
    user: readIdOrNone(violations, 'user', request.user),
    action: readEnumOrNone(violations, 'action', request.action, eventActions),
    limit: readText(violations, 'limit', request.limit, maxLimitName) || undefined,
    subjects: (isTooMany ? [] : subjects).map((subject, index) =>
      readSubject(violations, `subjects[${index}]`, subject),
    ),
    target: readIdOrNone(violations, 'target', request.target),
    ...readSpan(violations, request),
  };
}
