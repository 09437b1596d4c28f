import { diffPolicies } from './diff-policies.ts';
import { quotaOf } from './edit-limits.ts';
import type { Limit, Window } from './policy.ts';

/** The limits of one name, or of one quota, after a change of a policy. */
export interface ChangedQuota {
  /** Of the quota, or of the limit that belongs to none. */
  readonly name: string;
  /** They were taken out; `limits` is as they were before. */
  readonly revoked: boolean;
  readonly limits: readonly Limit[];
  /** Undefined: they have none, or different ones. */
  readonly window: Window | undefined;
}

/** What a change did to each limit and quota of a policy, by name; those that stay as they were are left out. */
export function changedQuotas(before: readonly Limit[], after: readonly Limit[]): ChangedQuota[] {
  const nameOf = (limit: Limit): string => quotaOf(limit) ?? limit.name;
  const [had, has] = [Map.groupBy(before, nameOf), Map.groupBy(after, nameOf)];
  const names = new Set([...had.keys(), ...has.keys()]);
  return [...names].flatMap((name): ChangedQuota[] => {
    const [old = [], now = []] = [had.get(name), has.get(name)];
    if (isSame(old, now)) return [];
    const limits = now.length === 0 ? old : now;
    const [window, ...others] = new Set(limits.map((limit) => limit.window));
    const revoked = now.length === 0;
    return [{ name, revoked, limits, window: others.length === 0 ? window : undefined }];
  });
}

function isSame(before: readonly Limit[], after: readonly Limit[]): boolean {
  const { added, removed, changed } = diffPolicies(policyOf(before), policyOf(after));
  return added.length + removed.length + changed.length === 0;
}

function policyOf(limits: readonly Limit[]) {
  const nothing = { revision: 0, access: undefined, bypass: undefined, notes: '' };
  return { ...nothing, subject: { kind: 'org', id: '' } as const, limits };
}
