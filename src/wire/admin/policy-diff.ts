import { create } from '@bufbuild/protobuf';
import { PolicyDiffSchema, PolicyFindingCode } from '../../../gen/tollgate/admin/v1/policies_pb.ts';
import type * as messages from '../../../gen/tollgate/admin/v1/policies_pb.ts';
import { addedEntries, diffPolicies } from '../../core/diff-policies.ts';
import type { PolicyDiff } from '../../core/diff-policies.ts';
import type { ChangedPolicy } from '../../policies/policy-changes.ts';
import {
  accessToMessage,
  bypassToMessage,
  limitToMessage,
  policyRevisionToMessage,
} from './policy-revisions.ts';

/** What a change of one policy answers. */
export function policyChangeToMessage({ revision, before, findings }: ChangedPolicy) {
  const after = revision.deleted ? undefined : revision.policy;
  return {
    revision: policyRevisionToMessage(revision),
    diff: policyDiffToMessage(diffPolicies(before?.policy, after)),
    findings: findings.map(({ code, ...found }) => ({ ...found, code: PolicyFindingCode[code] })),
    ...(before === undefined ? {} : { before: policyRevisionToMessage(before) }),
  };
}

/** Writes what differs between two policies. */
export function policyDiffToMessage(diff: PolicyDiff): messages.PolicyDiff {
  const { access, bypass, notes } = diff;
  return create(PolicyDiffSchema, {
    addedLimits: diff.added.map(limitToMessage),
    removedLimits: diff.removed.map(limitToMessage),
    changedLimits: diff.changed.map(({ before, after, fields }) => ({
      before: limitToMessage(before),
      after: limitToMessage(after),
      changedFields: fields.map(wireName),
    })),
    ...(access === undefined ? {} : { access: accessDiff(access) }),
    ...(bypass === undefined ? {} : { bypass: bypassDiff(bypass) }),
    ...(notes === undefined ? {} : { notes }),
  });
}

function accessDiff({ before, after, fields }: NonNullable<PolicyDiff['access']>) {
  const lists = (list: 'allow' | 'deny') => [before?.[list] ?? [], after?.[list] ?? []] as const;
  const [allowBefore, allowAfter] = lists('allow');
  const [denyBefore, denyAfter] = lists('deny');
  return {
    ...(before === undefined ? {} : { before: accessToMessage(before) }),
    ...(after === undefined ? {} : { after: accessToMessage(after) }),
    changedFields: fields.map(wireName),
    allowAdded: addedEntries(allowBefore, allowAfter),
    allowRemoved: addedEntries(allowAfter, allowBefore),
    denyAdded: addedEntries(denyBefore, denyAfter),
    denyRemoved: addedEntries(denyAfter, denyBefore),
  };
}

function bypassDiff({ before, after, fields }: NonNullable<PolicyDiff['bypass']>) {
  return {
    ...(before === undefined ? {} : { before: bypassToMessage(before) }),
    ...(after === undefined ? {} : { after: bypassToMessage(after) }),
    changedFields: fields.map(wireName),
  };
}

/** Fields whose name in a message is not the one here. */
const wireNames: Readonly<Record<string, string>> = {
  for: 'applies_to',
  maxTier: 'max_tier',
  untilMs: 'expire_time',
};

function wireName(field: string): string {
  return wireNames[field] ?? field;
}
