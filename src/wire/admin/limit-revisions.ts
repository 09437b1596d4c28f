import { create } from '@bufbuild/protobuf';
import type * as messages from '../../../gen/tollgate/admin/v1/policies_pb.ts';
import { LimitRevisionSchema } from '../../../gen/tollgate/admin/v1/policies_pb.ts';
import { Window } from '../../../gen/tollgate/v1/limit_pb.ts';
import { formatUsd } from '../../core/amount.ts';
import type { Metric } from '../../core/policy.ts';
import { encodeId, subjectName, subjectText } from '../../core/subject.ts';
import type { SubjectKind } from '../../core/subject.ts';
import type { LimitRevision, LimitRevisionFilter } from '../../policies/policy-changes.ts';
import { subjectKinds } from '../meter.ts';
import { timestampOf } from '../time.ts';
import type { Violations } from '../violations.ts';
import { readEnum } from './fields.ts';
import { windowNames } from './limits.ts';
import { readSubject } from './policies.ts';
import { limitToMessage } from './policy-revisions.ts';

/** In the order of the proto's numbers. */
const kinds = [
  'org',
  'team',
  'user',
  'tier',
  'key',
  'token',
  'principal',
  'app',
  'customer',
  'label',
] as const satisfies readonly SubjectKind[];
const states = ['ACTIVE', 'REVOKED'] as const;

/** Reads which revisions of limits are listed. */
export function limitRevisionFilterFromMessage(
  violations: Violations,
  request: messages.ListLimitRevisionsRequest,
): LimitRevisionFilter {
  const { subjectKind, subject: text, window, state } = request;
  const kind =
    subjectKind === 0
      ? undefined
      : readEnum(violations, 'subject_kind', subjectKind, kinds, undefined);
  const subject = text === '' ? undefined : readSubject(violations, 'subject', text);
  if (kind !== undefined && subject !== undefined && subject.kind !== kind) {
    violations.add('subject', 'must be of the kind that subject_kind names');
  }
  return {
    kind,
    subject,
    name: request.contains,
    window:
      window === 0 ? undefined : readEnum(violations, 'window', window, windowNames, undefined),
    state: state === 0 ? 'ALL' : readEnum(violations, 'state', state, states, undefined),
  };
}

/** Writes what was done to a limit or a quota. */
export function limitRevisionToMessage(revision: LimitRevision): messages.LimitRevision {
  const { subject, name, limits, window } = revision;
  const cost = leastOf(revision, 'COST');
  return create(LimitRevisionSchema, {
    id: `${subjectName(subject)}/${encodeId(name)}@${revision.revision}`,
    subjectKind: subjectKinds[subject.kind],
    subject: subjectText(subject),
    name,
    window: Window[window ?? 'UNSPECIFIED'],
    maxCost: cost === undefined ? '' : formatUsd(cost),
    maxTokens: leastOf(revision, 'TOKENS')?.toString() ?? '',
    maxRequests: leastOf(revision, 'REQUESTS')?.toString() ?? '',
    limits: limits.map(limitToMessage),
    revoked: revision.revoked,
    active: revision.isInForce,
    revision: BigInt(revision.revision),
    reason: revision.reason,
    actor: revision.actor,
    createTime: timestampOf(revision.atMs),
  });
}

function leastOf({ limits }: LimitRevision, metric: Metric): bigint | undefined {
  let least: bigint | undefined;
  for (const limit of limits) {
    const { amount } = limit;
    if (limit.metric !== metric || amount === undefined) continue;
    if (least === undefined || amount < least) least = amount;
  }
  return least;
}
