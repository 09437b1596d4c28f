import { quotaOf } from '../../core/edit-limits.ts';
import type { Limit } from '../../core/policy.ts';
import { subjectText } from '../../core/subject.ts';
import type { Subject } from '../../core/subject.ts';
import { ServiceError } from '../../platform/service-error.ts';
import type { ChangedPolicy, PolicyEdit } from '../../policies/policy-changes.ts';
import type { Change, PolicyStore } from '../../policies/policy-store.ts';
import { changeOnePolicy } from './change-one-policy.ts';
import { requireLimitEtag } from './limit-etag.ts';

/** Which limits of a policy are taken out: by name, or all of a quota. */
export interface LimitsRevocation {
  readonly subject: Subject;
  readonly names: readonly string[];
  readonly quota?: string | undefined;
  /** Of the policy; empty: any. */
  readonly etag?: string | undefined;
  /** Of the limit, where one is named; empty: any. */
  readonly limitEtag?: string | undefined;
}

/** Appends a revision without the limits; NOT_FOUND `LIMIT_NOT_FOUND` if one of them is not there. */
export function revokeLimits(
  store: Pick<PolicyStore, 'changePolicies'>,
  orgId: string,
  revocation: LimitsRevocation,
  by: Change,
): Promise<ChangedPolicy> {
  return changeOnePolicy(store, orgId, revocationEdit(revocation), by);
}

function revocationEdit({
  subject,
  names,
  quota,
  etag,
  limitEtag = '',
}: LimitsRevocation): PolicyEdit {
  return {
    subject,
    field: 'subject',
    etag,
    content: ['revoke limits', names, quota, limitEtag],
    edit(present) {
      const limits = present?.policy.limits ?? [];
      const gone =
        quota === undefined
          ? names.map((name) => found(limits, subject, name))
          : limits.filter((limit) => quotaOf(limit) === quota);
      if (present === undefined || gone.length === 0) throw missing(subject, quota ?? '');
      for (const limit of gone) requireLimitEtag(subject, limit.name, limit, limitEtag);
      const policy = { ...present.policy, limits: limits.filter((one) => !gone.includes(one)) };
      return { policy, origin: { revoked: gone.map(({ name }) => name) } };
    },
  };
}

function found(limits: readonly Limit[], subject: Subject, name: string): Limit {
  const limit = limits.find((one) => one.name === name);
  if (limit === undefined) throw missing(subject, name);
  return limit;
}

function missing(subject: Subject, name: string): ServiceError {
  const whole = `${subjectText(subject)}/${name}`;
  const metadata = { name: whole };
  return new ServiceError('LIMIT_NOT_FOUND', `${whole}: not found`, { metadata });
}
