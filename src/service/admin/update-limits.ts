import { maxLimitsOfPolicy, withLimits } from '../../core/edit-limits.ts';
import { familiesOf, maxFamiliesOfPolicy } from '../../core/meters.ts';
import type { Limit, Policy } from '../../core/policy.ts';
import type { Subject } from '../../core/subject.ts';
import { invalidFields } from '../../platform/service-error.ts';
import type { ChangedPolicy, PolicyEdit } from '../../policies/policy-changes.ts';
import type { Change, PolicyStore } from '../../policies/policy-store.ts';
import { changeOnePolicy } from './change-one-policy.ts';
import { requireLimitEtag } from './limit-etag.ts';

/** A limit that is to be, and the etag of the one that it replaces; empty: any. */
export interface PutLimit {
  readonly limit: Limit;
  readonly etag: string;
}

/** What an UpdateLimit or UpdateLimits asks for. */
export interface LimitsUpdate {
  readonly subject: Subject;
  readonly put: readonly PutLimit[];
  /** Limits of this quota that are not put are taken out. */
  readonly quota?: string | undefined;
  /** The field that names the limits, for what is wrong with the policy that they would make. */
  readonly field: string;
}

/** Creates or replaces limits of one policy by their names, as one revision. The rest of the policy is not touched. */
export function updateLimits(
  store: Pick<PolicyStore, 'changePolicies'>,
  orgId: string,
  update: LimitsUpdate,
  by: Change,
): Promise<ChangedPolicy> {
  return changeOnePolicy(store, orgId, limitsEdit(update), by);
}

function limitsEdit({ subject, put, quota, field }: LimitsUpdate): PolicyEdit {
  const content = ['put limits', put, quota];
  return {
    subject,
    field: 'subject',
    content,
    edit(present) {
      const before = present?.policy ?? emptyPolicy(subject);
      for (const { limit, etag } of put) {
        const known = before.limits.find(({ name }) => name === limit.name);
        requireLimitEtag(subject, limit.name, known, etag);
      }
      const all = put.map(({ limit }) => limit);
      const { limits, removed } = withLimits(before.limits, all, quota);
      const policy = { ...before, limits };
      requireRoom(policy, field);
      return { policy, origin: removed.length === 0 ? {} : { revoked: removed } };
    },
  };
}

function emptyPolicy(subject: Subject): Policy {
  return { subject, revision: 0, limits: [], access: undefined, bypass: undefined, notes: '' };
}

/** FIELD_INVALID where the limits that are there and the new ones are too many together. */
function requireRoom(policy: Policy, field: string): void {
  if (policy.limits.length > maxLimitsOfPolicy) {
    const description = `would make ${policy.limits.length} limits; at most ${maxLimitsOfPolicy} are allowed`;
    throw invalidFields([{ field, description }]);
  }
  if (familiesOf(policy).length <= maxFamiliesOfPolicy) return;
  const counted = 'combinations of applies_to and targets that are counted apart';
  const description = `would make more than ${maxFamiliesOfPolicy} ${counted}`;
  throw invalidFields([{ field, description }]);
}
