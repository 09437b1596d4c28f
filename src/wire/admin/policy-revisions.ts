import { create } from '@bufbuild/protobuf';
import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  AccessMode,
  PolicyRevisionSchema,
  PolicySchema,
} from '../../../gen/tollgate/admin/v1/policies_pb.ts';
import type { AccessSchema, LimitSchema } from '../../../gen/tollgate/admin/v1/policies_pb.ts';
import type * as messages from '../../../gen/tollgate/admin/v1/policies_pb.ts';
import { Action, Metric, Window } from '../../../gen/tollgate/v1/limit_pb.ts';
import { formatUsd } from '../../core/amount.ts';
import type { Access, Bypass, Limit, LimitFor, Policy } from '../../core/policy.ts';
import { subjectText } from '../../core/subject.ts';
import type { PolicyRevision, RevisionOrigin } from '../../policies/policy-changes.ts';
import { limitEtag } from '../../service/admin/limit-etag.ts';
import { timestampOf } from '../time.ts';

/** Writes a policy revision as it is stored. */
export function policyRevisionToMessage(stored: PolicyRevision): messages.PolicyRevision {
  const { policy } = stored;
  return create(PolicyRevisionSchema, {
    policy: policyToMessage(policy),
    revision: BigInt(policy.revision),
    reason: stored.reason,
    actor: stored.actor,
    createTime: timestampOf(stored.atMs),
    deleted: stored.deleted,
    ...originOf(stored.origin),
  });
}

/** Writes a policy, whose etag is its revision. */
export function policyToMessage(policy: Policy): messages.Policy {
  return create(PolicySchema, {
    subject: subjectText(policy.subject),
    limits: policy.limits.map(limitToMessage),
    notes: policy.notes || undefined,
    etag: String(policy.revision),
    ...(policy.access === undefined ? {} : { access: accessToMessage(policy.access) }),
    ...(policy.bypass === undefined ? {} : { bypass: bypassToMessage(policy.bypass) }),
  });
}

function originOf({ revoked = [], restored, copied }: RevisionOrigin) {
  return {
    revokedLimits: [...revoked],
    ...(restored === undefined ? {} : { restoredRevision: BigInt(restored) }),
    ...(copied === undefined ? {} : { copiedFrom: copiedInit(copied) }),
  };
}

function copiedInit({ subject, revision }: NonNullable<RevisionOrigin['copied']>) {
  return { subject: subjectText(subject), revision: BigInt(revision) };
}

/** Writes a limit. */
export function limitToMessage(limit: Limit): MessageInitShape<typeof LimitSchema> {
  const { window, amount, metric } = limit;
  const number = metric === 'COST' ? formatUsd : String;
  return {
    name: limit.name,
    metric: Metric[metric],
    window: Window[window ?? 'UNSPECIFIED'],
    bound:
      amount === undefined
        ? { case: 'unlimited', value: {} }
        : { case: 'amount', value: number(amount) },
    action: Action[limit.action],
    thresholds: { percents: [...limit.thresholds] },
    appliesTo: appliesTo(limit.for),
    targets: [...limit.targets],
    enabled: limit.enabled,
    etag: limitEtag(limit),
  };
}

function appliesTo(declared: LimitFor): string {
  return declared.kind === 'LABEL' ? `LABEL:${declared.key}` : declared.kind;
}

/** Writes access rules. */
export function accessToMessage({
  allow,
  deny,
  maxTier,
  mode,
}: Access): MessageInitShape<typeof AccessSchema> {
  return {
    allow: [...allow],
    deny: [...deny],
    mode: AccessMode[mode],
    ...(maxTier === undefined ? {} : { maxTier }),
  };
}

/** Writes bypass flags. */
export function bypassToMessage({ untilMs, ...flags }: Bypass) {
  return { ...flags, ...(untilMs === undefined ? {} : { expireTime: timestampOf(untilMs) }) };
}
