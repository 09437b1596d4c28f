import { declaredFor } from './declarations.ts';
import type { OrganizationView } from './organization-view.ts';
import type { Limit, Policy } from './policy.ts';
import type { PolicyFinding } from './policy-finding.ts';
import { orgSubject, subjectName } from './subject.ts';
import { refusesUnknownTargets } from './access.ts';
import { targetFacts, targetTouched } from './target.ts';
import type { TargetFacts } from './call.ts';

/** What is remarkable about the limits of a policy; without `isComparable`, not whether their targets are in the catalog. */
export function limitFindings(
  view: OrganizationView,
  policy: Policy,
  isComparable: boolean,
): PolicyFinding[] {
  const catalog = isComparable ? catalogTargets(view) : [];
  return policy.limits.flatMap((limit, index) => {
    if (!limit.enabled) return [];
    const at = `limits[${index}]`;
    return [
      ...neverBinds(view, policy, limit, at),
      ...hidesTemplate(view, policy, limit, at),
      ...matchesNothing(view, catalog, isComparable ? limit.targets : [], `${at}.targets`).map(
        (found): PolicyFinding => ({ code: 'TARGET_MATCHES_NOTHING', ...found }),
      ),
    ];
  });
}

/** Every target of the catalog. */
export function catalogTargets(view: OrganizationView): readonly TargetFacts[] {
  const names = [...view.models(), ...view.routeGroups()].map(({ id }) => id);
  return names.map((name) => targetFacts(view, name));
}

/**
 * The entries of a list that match no target of the catalog. Where unknown targets may be called, a name or a pattern may
 * match one of those, and only a group cannot.
 */
export function matchesNothing(
  view: OrganizationView,
  catalog: readonly TargetFacts[],
  list: readonly string[],
  at: string,
): { readonly field: string; readonly message: string }[] {
  const refusesUnknown = refusesUnknownTargets(view);
  return list.flatMap((entry, index) => {
    if (!refusesUnknown && !entry.startsWith('group:')) return [];
    if (catalog.some((target) => targetTouched([entry], target))) return [];
    return [{ field: `${at}[${index}]`, message: `${entry} matches nothing in the catalog` }];
  });
}

/** A cap that counts at least what the limit counts, in the same window, and denies no later than it. */
function neverBinds(
  view: OrganizationView,
  { subject, limits }: Policy,
  limit: Limit,
  at: string,
): PolicyFinding[] {
  const { amount } = limit;
  if (amount === undefined || limit.action !== 'BLOCK') return [];
  const own = limits.filter((cap) => isOwnCap(cap, limit));
  const isMember = limit.for.kind === 'MEMBER';
  const ofTeam = isMember ? limits.filter((cap) => cap.for.kind === 'SELF') : [];
  const isOfOrg = subject.kind === 'org' && limit.for.kind === 'SELF';
  const ofOrg = isOfOrg ? [] : (view.policy(orgSubject)?.limits ?? []).filter(isSelf);
  const closer = own.find((cap) => isCap(cap, limit) && cap.amount !== amount);
  const [owner, cap] = closer
    ? [subject, closer]
    : [
        ofTeam.some((one) => isCap(one, limit)) ? subject : orgSubject,
        [...ofTeam, ...ofOrg].find((one) => isCap(one, limit)),
      ];
  if (cap === undefined) return [];
  const message = `${subjectName(owner)}/${cap.name} always applies too, counts at least as much, and is no larger`;
  return [{ code: 'LIMIT_NEVER_BINDS', field: at, message }];
}

function isSelf(limit: Limit): boolean {
  return limit.for.kind === 'SELF';
}

/** Another limit of the same declaration. */
function isOwnCap(cap: Limit, limit: Limit): boolean {
  return (
    cap !== limit &&
    cap.metric === limit.metric &&
    cap.window === limit.window &&
    cap.for.kind === limit.for.kind &&
    JSON.stringify(cap.for) === JSON.stringify(limit.for) &&
    isSameList(cap.targets, limit.targets)
  );
}

/** Both are sorted. */
function isSameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((entry, index) => entry === b[index]);
}

function isCap(cap: Limit, { metric, window, targets, amount }: Limit): boolean {
  return (
    cap.enabled &&
    cap.action === 'BLOCK' &&
    cap.metric === metric &&
    cap.window === window &&
    (cap.targets.length === 0 || isSameList(cap.targets, targets)) &&
    cap.amount !== undefined &&
    amount !== undefined &&
    cap.amount <= amount
  );
}

/** The first own limit of a metric without targets hides all that the tier's template has on it in other slots. */
function hidesTemplate(
  view: OrganizationView,
  policy: Policy,
  limit: Limit,
  at: string,
): PolicyFinding[] {
  const { subject, limits } = policy;
  const tier = subject.kind === 'user' ? view.user(subject.id)?.tier : undefined;
  const isFirst = (one: Limit): boolean =>
    one.enabled && one.metric === limit.metric && one.targets.length === 0;
  if (tier === undefined || limits.find(isFirst) !== limit) return [];
  const own = declaredFor(policy, 'SELF');
  const template = declaredFor(view.policy({ kind: 'tier', id: tier }), 'USER');
  const hidden = [...template]
    .filter(([slot]) => !own.has(slot))
    .flatMap(([, declaration]) => declaration.limits)
    .filter(({ metric }) => metric === limit.metric);
  if (hidden.length === 0) return [];
  const names = hidden.map(({ name }) => name).join(', ');
  const message = `hides these limits of the tier ${tier}: ${names}`;
  return [{ code: 'TEMPLATE_HIDDEN', field: at, message }];
}
