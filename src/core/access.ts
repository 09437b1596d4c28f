import type { CallPath, TargetFacts } from './call.ts';
import type { OrganizationView } from './organization-view.ts';
import { pathSubjects } from './path.ts';
import type { Access } from './policy.ts';
import type { Reason } from './reason.ts';
import { orgSubject } from './subject.ts';
import type { Subject } from './subject.ts';
import { targetMatches, targetTouched } from './target.ts';

/** The rules on a path, by what they do. */
interface AccessRules {
  /** Each must grant the target. */
  readonly allows: readonly (readonly string[])[];
  readonly denies: readonly (readonly string[])[];
  /** The lowest ceiling; Infinity where there is none. */
  readonly maxTier: number;
  readonly orgHasAllow: boolean;
}

/**
 * Why the model rules refuse a target on a path, in order of precedence; empty where they do not. What has
 * no price is judged elsewhere, since that depends on the limits.
 */
export function accessReasons(
  view: OrganizationView,
  path: CallPath,
  target: TargetFacts,
): Reason[] {
  const rules = view.remember(`access ${JSON.stringify(path)}`, () => rulesOf(view, path));
  const found: Reason[] = [];
  if (isUnknown(view, target) && refusesUnknown(view, rules)) found.push('MODEL_UNKNOWN');
  if (isDisabled(view, target) || rules.denies.some((list) => targetTouched(list, target))) {
    found.push('MODEL_DENIED');
  }
  if (!rules.allows.every((list) => targetMatches(list, target))) found.push('MODEL_NOT_GRANTED');
  if (rankOf(view, target) > rules.maxTier) found.push('MODEL_TIER');
  return found;
}

/** Whether an organization refuses targets that are not in the catalog, whoever calls. */
export function refusesUnknownTargets(view: OrganizationView): boolean {
  const orgHasAllow = (accessOf(view, orgSubject)?.allow.length ?? 0) > 0;
  return refusesUnknown(view, { orgHasAllow });
}

function refusesUnknown(view: OrganizationView, rules: Pick<AccessRules, 'orgHasAllow'>): boolean {
  const { unknownModels } = view.organization;
  return unknownModels === 'DENY' || (unknownModels === undefined && rules.orgHasAllow);
}

/** The target's tier rank; a route group's is its highest member's, a model without one is below all. */
function rankOf(view: OrganizationView, target: TargetFacts): number {
  return Math.max(-1, ...modelNames(target).map((name) => view.model(name)?.tierRank ?? -1));
}

/** A member of a route group becomes unknown when the platform deletes the model, or is not inherited any more. */
function isUnknown(view: OrganizationView, target: TargetFacts): boolean {
  if (target.kind !== 'ROUTE_GROUP') return target.kind === 'UNKNOWN';
  return target.members.some(({ name }) => view.model(name) === undefined);
}

function isDisabled(view: OrganizationView, target: TargetFacts): boolean {
  return modelNames(target).some((name) => view.model(name)?.state === 'DISABLED');
}

function modelNames(target: TargetFacts): readonly string[] {
  return target.kind === 'ROUTE_GROUP' ? target.members.map(({ name }) => name) : [target.name];
}

function rulesOf(view: OrganizationView, path: CallPath): AccessRules {
  const user =
    path.user === undefined ? undefined : accessOf(view, { kind: 'user', id: path.user });
  const replaces = user?.mode === 'REPLACE';
  const replacesAllow = replaces && user.allow.length > 0;
  const replacesTier = replaces && user.maxTier !== undefined;
  const allows: (readonly string[])[] = [];
  const denies: (readonly string[])[] = [];
  const ceilings: number[] = [];
  for (const subject of pathSubjects(path)) {
    const access = accessOf(view, subject);
    if (access === undefined) continue;
    const isReplaceable = subject.kind === 'team' || subject.kind === 'tier';
    denies.push(access.deny);
    if (access.allow.length > 0 && !(isReplaceable && replacesAllow)) allows.push(access.allow);
    if (access.maxTier !== undefined && !(isReplaceable && replacesTier))
      ceilings.push(access.maxTier);
  }
  return {
    allows,
    denies,
    maxTier: Math.min(...ceilings),
    orgHasAllow: (accessOf(view, orgSubject)?.allow.length ?? 0) > 0,
  };
}

/** Customers and labels have no model rules. */
function accessOf(view: OrganizationView, subject: Subject): Access | undefined {
  if (subject.kind === 'customer' || subject.kind === 'label') return undefined;
  return view.policy(subject)?.access;
}
