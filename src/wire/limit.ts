import { Action, LimitStatus, Metric, Window } from '../../gen/tollgate/v1/limit_pb.ts';
import type { ConsideredLimit as LimitMessage } from '../../gen/tollgate/v1/limit_pb.ts';
import type { ConsideredLimit } from '../core/outcome.ts';
import { encodeId, subjectName } from '../core/subject.ts';
import type { Subject } from '../core/subject.ts';
import { raisedToMessage } from './raised.ts';
import { meterToMessage, subjectToMessage } from './meter.ts';
import { timestampOf } from './time.ts';

/** One limit that was considered, as it is sent. */
export function limitToMessage(limit: ConsideredLimit): LimitMessage {
  const message: LimitMessage = {
    $typeName: 'tollgate.v1.ConsideredLimit',
    subject: subjectToMessage(limit.subject),
    name: limit.name,
    limit: limitName(limit.subject, limit.name),
    revision: BigInt(limit.revision),
    meter: meterToMessage(limit.meter),
    metric: Metric[limit.metric],
    window: limit.window === undefined ? Window.UNSPECIFIED : Window[limit.window],
    amount: limit.amount,
    used: limit.used,
    held: limit.held,
    ask: limit.ask,
    remaining: limit.remaining,
    action: Action[limit.action],
    status: LimitStatus[limit.status],
  };
  if (limit.raised !== undefined) message.raised = raisedToMessage(limit.raised);
  if (limit.resetsAtMs !== undefined) message.resetTime = timestampOf(limit.resetsAtMs);
  return message;
}

/** The composed name of a limit, `team:red/cap`: every part percent-encoded. */
export function limitName(subject: Subject, name: string): string {
  return `${subjectName(subject)}/${encodeId(name)}`;
}
