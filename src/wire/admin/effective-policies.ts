import { create } from '@bufbuild/protobuf';
import {
  DisplacementReason,
  EffectivePolicySchema,
  UserPolicySchema,
} from '../../../gen/tollgate/admin/v1/policies_pb.ts';
import type * as messages from '../../../gen/tollgate/admin/v1/policies_pb.ts';
import { Reason } from '../../../gen/tollgate/v1/outcome_pb.ts';
import { subjectText } from '../../core/subject.ts';
import type { EffectivePolicy, StandingLimit } from '../../service/admin/get-effective-policy.ts';
import type { UserPolicy, UserPolicyFilter } from '../../service/admin/list-user-policies.ts';
import { limitToMessage as standingToMessage } from '../limit.ts';
import { meterToMessage } from '../meter.ts';
import { timestampOf } from '../time.ts';
import type { Violations } from '../violations.ts';
import { readEnum, readIdOrNone, readText } from './fields.ts';
import {
  accessToMessage,
  bypassToMessage,
  limitToMessage,
  policyToMessage,
} from './policy-revisions.ts';

/** Writes what holds for a subject. */
export function effectivePolicyToMessage(policy: EffectivePolicy): messages.EffectivePolicy {
  return create(EffectivePolicySchema, {
    subject: subjectText(policy.subject),
    sources: policy.sources.map(sourceOf),
    limits: policy.limits.map(limitOf),
    access: policy.access.map(({ access, allowReplaced, maxTierReplaced, ...source }) => ({
      ...sourceOf(source),
      access: accessToMessage(access),
      allowReplaced,
      maxTierReplaced,
    })),
    bypasses: policy.bypasses.map(({ bypass, isInForce, ...source }) => ({
      ...sourceOf(source),
      bypass: bypassToMessage(bypass),
      inForce: isInForce,
    })),
    reasons: policy.reasons.map((reason) => Reason[reason]),
    readTime: timestampOf(policy.nowMs),
  });
}

function sourceOf({ subject, revision }: EffectivePolicy['sources'][number]) {
  return { subject: subjectText(subject), revision: BigInt(revision) };
}

function limitOf({ limit, meter, standing, bypassed, displaced, ...source }: StandingLimit) {
  return {
    ...sourceOf(source),
    limit: limitToMessage(limit),
    meter: meterToMessage(meter),
    bypassed,
    displaced: displaced.map(({ limit: lost, because, ...of }) => ({
      ...sourceOf(of),
      limit: limitToMessage(lost),
      reason: DisplacementReason[because],
    })),
    ...(standing === undefined ? {} : { standing: standingToMessage(standing) }),
  };
}

/** In the order of the proto's numbers. */
const standings = ['NEAR', 'OVER'] as const;
const maxPrefix = 200;

/** Reads which users are listed. */
export function userPolicyFilterFromMessage(
  violations: Violations,
  orgId: string,
  request: messages.ListUserPoliciesRequest,
): UserPolicyFilter {
  return {
    orgId,
    idPrefix: readText(violations, 'id_prefix', request.idPrefix, maxPrefix),
    tier: readIdOrNone(violations, 'tier', request.tier),
    hasOverride: request.hasOverride,
    hasBypass: request.hasBypass,
    standing: readStanding(violations, request.standing),
  };
}

function readStanding(violations: Violations, number: number): UserPolicyFilter['standing'] {
  return number === 0 ? 'ANY' : readEnum(violations, 'standing', number, standings, undefined);
}

/** Writes a user with what is declared on it and what holds for it. */
export function userPolicyToMessage(row: UserPolicy): messages.UserPolicy {
  const { id, user, override, bypass, limits } = row;
  return create(UserPolicySchema, {
    user: id,
    registered: user !== undefined,
    displayName: user?.displayName ?? '',
    tier: user?.tier ?? '',
    teams: [...(user?.teams ?? [])],
    suspended: user?.state === 'SUSPENDED',
    limits: limits.map(({ limit }) => standingToMessage(limit)),
    ...(override === undefined ? {} : { override: policyToMessage(override) }),
    ...(bypass === undefined ? {} : { bypass: bypassToMessage(bypass) }),
  });
}
