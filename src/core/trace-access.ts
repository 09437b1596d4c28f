import type { CallPath } from './call.ts';
import type { OrganizationView } from './organization-view.ts';
import { pathSubjects } from './path.ts';
import type { Access, Bypass } from './policy.ts';
import type { Subject } from './subject.ts';

/** The access rules that one subject of a path declares, and which of them do not count. */
export interface TracedAccess {
  readonly subject: Subject;
  readonly revision: number;
  readonly access: Access;
  /** The user's own list counts in place of this one. */
  readonly allowReplaced: boolean;
  /** The user's own ceiling counts in place of this one. */
  readonly maxTierReplaced: boolean;
}

/** Where the access rules of a path come from; those that count are the ones that `accessReasons` judges by. */
export function traceAccess(view: OrganizationView, path: CallPath): TracedAccess[] {
  const user = path.user === undefined ? undefined : { kind: 'user' as const, id: path.user };
  const own = user && view.policy(user)?.access;
  const replaces = own?.mode === 'REPLACE';
  return pathSubjects(path).flatMap((subject) => {
    const policy = view.policy(subject);
    const hasRules = subject.kind !== 'customer' && subject.kind !== 'label';
    if (policy?.access === undefined || !hasRules) return [];
    const { revision, access } = policy;
    const isReplaceable = replaces && (subject.kind === 'team' || subject.kind === 'tier');
    const allowReplaced = isReplaceable && own.allow.length > 0 && access.allow.length > 0;
    const maxTierReplaced =
      isReplaceable && own.maxTier !== undefined && access.maxTier !== undefined;
    return [{ subject, revision, access, allowReplaced, maxTierReplaced }];
  });
}

/** The bypass that one subject of a path declares. */
export interface TracedBypass {
  readonly subject: Subject;
  readonly revision: number;
  readonly bypass: Bypass;
  /** It is not over yet. */
  readonly isInForce: boolean;
}

/** Where the bypass flags of a path come from; those in force add up to those of `bypassOf`. */
export function traceBypass(view: OrganizationView, path: CallPath, nowMs: number): TracedBypass[] {
  return pathSubjects(path).flatMap((subject) => {
    const policy = view.policy(subject);
    if (policy?.bypass === undefined) return [];
    const { revision, bypass } = policy;
    const isInForce = bypass.untilMs === undefined || nowMs < bypass.untilMs;
    return [{ subject, revision, bypass, isInForce }];
  });
}
