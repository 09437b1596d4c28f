import { create } from '@bufbuild/protobuf';
import { RaiseSchema, RaiseState } from '../../../gen/tollgate/admin/v1/raises_pb.ts';
import type * as messages from '../../../gen/tollgate/admin/v1/raises_pb.ts';
import { Metric, Window } from '../../../gen/tollgate/v1/limit_pb.ts';
import { formatMetricAmount } from '../../core/metric-amount.ts';
import { subjectText } from '../../core/subject.ts';
import type { Subject } from '../../core/subject.ts';
import { raiseState } from '../../policies/stored-raise.ts';
import type {
  NewRaise,
  RaiseChange,
  RaiseFilter,
  StoredRaise,
} from '../../policies/stored-raise.ts';
import { readId } from '../fields.ts';
import { timestampOf } from '../time.ts';
import type { Violations } from '../violations.ts';
import { readEnum, readIdOrNone, readInstant } from './fields.ts';
import { readSubject } from './policies.ts';

/** In the order of the proto's numbers. */
export const raiseStates = ['ACTIVE', 'ENDED', 'REVOKED'] as const;
/** The most characters that an amount is looked at for; a longer one is none. */
const maxAmountLength = 64;
const anyAmount = /^\d+(?:\.\d{1,9})?$/;

/** Reads a raise that is to be created. Whether it goes with its limit is for the store to say, which knows the limit. */
export function raiseFromMessage(violations: Violations, message: messages.Raise): NewRaise {
  const { change } = message;
  const untilMs = readInstant(violations, 'limit_raise.expire_time', message.expireTime);
  if (message.expireTime === undefined) violations.add('limit_raise.expire_time', 'is required');
  return {
    id: readIdOrNone(violations, 'limit_raise.id', message.id),
    subject: readSubject(violations, 'limit_raise.subject', message.subject),
    limitName: readId(violations, 'limit_raise.limit_name', message.limitName),
    appliesTo: readSubjectOrNone(violations, 'limit_raise.applies_to', message.appliesTo),
    ...readChange(violations, change),
    untilMs: untilMs ?? 0,
  };
}

function readChange(
  violations: Violations,
  { case: kind, value: text }: messages.Raise['change'],
): Pick<NewRaise, 'kind' | 'amount'> {
  if (kind === undefined) {
    violations.add('limit_raise.add', 'is required, or amount in place of it');
    return { kind: 'ADD', amount: '0' };
  }
  if (text.length > maxAmountLength || !anyAmount.test(text)) {
    violations.add(
      `limit_raise.${kind}`,
      'must be decimal USD with at most 9 decimals, or a whole number',
    );
  }
  return { kind: kind === 'add' ? 'ADD' : 'AMOUNT', amount: text };
}

function readSubjectOrNone(
  violations: Violations,
  field: string,
  text: string,
): Subject | undefined {
  return text === '' ? undefined : readSubject(violations, field, text);
}

/** Reads which raises are asked for. */
export function raiseFilterFromMessage(
  violations: Violations,
  request: messages.ListRaisesRequest,
): RaiseFilter {
  const { subject, limitName, appliesTo, state } = request;
  return {
    subject: readSubjectOrNone(violations, 'subject', subject),
    limitName: readIdOrNone(violations, 'limit_name', limitName),
    owner: readSubjectOrNone(violations, 'applies_to', appliesTo),
    state: state === 0 ? undefined : readEnum(violations, 'state', state, raiseStates, undefined),
  };
}

/** Writes a raise as it stands at an instant. */
export function raiseToMessage(stored: StoredRaise, nowMs: number): messages.Raise {
  const { raise, revokedAtMs } = stored;
  const { kind, metric, appliesTo } = raise;
  const amount = formatMetricAmount(metric, raise.amount);
  return create(RaiseSchema, {
    id: raise.id,
    subject: subjectText(raise.subject),
    limitName: raise.limitName,
    appliesTo: appliesTo === undefined ? '' : subjectText(appliesTo),
    change: { case: kind === 'ADD' ? 'add' : 'amount', value: amount },
    expireTime: timestampOf(raise.untilMs),
    metric: Metric[metric],
    window: Window[raise.window ?? 'UNSPECIFIED'],
    state: RaiseState[raiseState(stored, nowMs)],
    reason: stored.reason,
    actor: stored.actor,
    createTime: timestampOf(stored.createdAtMs),
    revokeReason: stored.revokedReason ?? '',
    revokeActor: stored.revokedBy ?? '',
    ...(revokedAtMs === undefined ? {} : { revokeTime: timestampOf(revokedAtMs) }),
  });
}

/** Writes a raise that was changed, with the amounts of its limit before and after. */
export function raiseChangeToMessage({ stored, amounts }: RaiseChange, nowMs: number) {
  const text = (amount: bigint | undefined): string =>
    amount === undefined ? '' : formatMetricAmount(stored.raise.metric, amount);
  return {
    limitRaise: raiseToMessage(stored, nowMs),
    amountBefore: text(amounts?.before),
    amountAfter: text(amounts?.after),
  };
}
