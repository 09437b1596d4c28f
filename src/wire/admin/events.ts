import { create } from '@bufbuild/protobuf';
import {
  EnforcementEventSchema,
  EventAction,
} from '../../../gen/tollgate/admin/v1/enforcement_pb.ts';
import type { EnforcementEvent } from '../../../gen/tollgate/admin/v1/enforcement_pb.ts';
import { MeterSchema, Metric, Window } from '../../../gen/tollgate/v1/limit_pb.ts';
import type { Meter, Subject } from '../../../gen/tollgate/v1/limit_pb.ts';
import { parseMeterName } from '../../core/meter.ts';
import { decodeId } from '../../core/subject.ts';
import type { StoredEvent } from '../../service/admin/events.ts';
import { metricNames, windowNames } from './limits.ts';
import { maxInt64 } from '../../core/totals.ts';
import { meterToMessage } from '../meter.ts';
import { raisedToMessage } from '../raised.ts';
import { timestampOf } from '../time.ts';

/** In the order of the proto's numbers. */
export const eventActions = [
  'BLOCKED',
  'WARNED',
  'DRY_RUN',
  'BYPASSED',
  'THRESHOLD',
  'EXPIRED',
  'SATURATED',
  'UNATTRIBUTED',
] as const;

/** Writes an event as it is stored. */
export function eventToMessage(event: StoredEvent): EnforcementEvent {
  const action = eventActions.find((known) => known === event.action);
  const { sum, limit } = event;
  const metric = metricNames.find((known) => known === sum?.metric);
  const window = windowNames.find((known) => known === sum?.window);
  return create(EnforcementEventSchema, {
    id: event.id,
    firstTime: timestampOf(event.firstAtMs),
    lastTime: timestampOf(event.lastAtMs),
    occurrenceCount: event.occurrences,
    action: EventAction[action ?? 'UNSPECIFIED'],
    requestId: event.requestId,
    user: event.user ?? '',
    target: event.target,
    meters: event.subjects.map(meterOfName),
    limit: limit?.name ?? '',
    limitName: limit === undefined ? '' : decodeId(limit.name.slice(limit.name.indexOf('/') + 1)),
    ...limitSubject(limit),
    revision: BigInt(limit?.revision ?? 0),
    ...(sum === undefined ? {} : { meter: meterOfName(sum.meter) }),
    metric: Metric[metric ?? 'UNSPECIFIED'],
    window: Window[window ?? 'UNSPECIFIED'],
    spend: atMostInt64(sum?.spend ?? 0n),
    amount: limit?.amount ?? 0n,
    ...(limit?.raised && { raised: raisedToMessage(limit.raised) }),
    ask: limit?.ask ?? 0n,
    threshold: limit?.threshold ?? 0,
  });
}

/** A meter of a stored event; a name that this release cannot read is passed on as a name alone. */
function meterOfName(name: string): Meter {
  const meter = parseMeterName(name);
  return meter === undefined ? create(MeterSchema, { name }) : meterToMessage(meter);
}

function limitSubject(limit: StoredEvent['limit']): { limitSubject?: Subject } {
  const subject = limit && meterOfName(limit.subject).subject;
  return subject === undefined ? {} : { limitSubject: subject };
}

/** Debts and holds together may pass int64, and the message has no wider type. */
function atMostInt64(sum: bigint): bigint {
  return sum > maxInt64 ? maxInt64 : sum;
}
