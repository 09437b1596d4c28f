import { accessReasons, refusesUnknownTargets } from './access.ts';
import type { CallPath, TargetFacts } from './call.ts';
import { draftView } from './draft-view.ts';
import { catalogTargets, matchesNothing } from './limit-findings.ts';
import type { OrganizationView } from './organization-view.ts';
import { teamChain } from './path.ts';
import type { Access, Policy } from './policy.ts';
import type { PolicyFinding } from './policy-finding.ts';
import type { Subject } from './subject.ts';

/** What is remarkable about the access rules of a policy. */
export function accessFindings(view: OrganizationView, policy: Policy): PolicyFinding[] {
  const { access } = policy;
  if (access === undefined) return [];
  const catalog = catalogTargets(view);
  const denied = matchesNothing(view, catalog, access.deny, 'access.deny');
  return [
    ...narrowsNothing(view, policy, access, catalog),
    ...nothingCallable(view, policy, access, catalog),
    ...denied.map((found): PolicyFinding => ({ code: 'DENY_MATCHES_NOTHING', ...found })),
  ];
}

/** With the list, and without it, the same may be called: of the catalog, and beside it. */
function narrowsNothing(
  view: OrganizationView,
  policy: Policy,
  access: Access,
  catalog: readonly TargetFacts[],
): PolicyFinding[] {
  if (access.mode === 'REPLACE') return [];
  const now = callable(view, policy, access, catalog);
  if (now.length === 0) return [];
  const isSame = (without: Access): boolean =>
    callable(view, policy, without, catalog).length === now.length;
  const found: PolicyFinding[] = [];
  // The organization's own list also decides whether unknown targets may be called.
  const countsUnknown = policy.subject.kind === 'org' || !refusesUnknownTargets(view);
  const isEverything = access.allow.includes('*') && policy.subject.kind !== 'org';
  const isOpen = access.allow.length > 0 && (!countsUnknown || isEverything);
  const message = 'the same targets may be called with it and without it';
  if (isOpen && isSame({ ...access, allow: [] })) {
    found.push({ code: 'GRANT_NARROWS_NOTHING', field: 'access.allow', message });
  }
  if (access.maxTier !== undefined && isSame({ ...access, maxTier: undefined })) {
    found.push({ code: 'GRANT_NARROWS_NOTHING', field: 'access.max_tier', message });
  }
  return found;
}

function nothingCallable(
  view: OrganizationView,
  policy: Policy,
  access: Access,
  catalog: readonly TargetFacts[],
): PolicyFinding[] {
  if (callable(view, policy, access, catalog).length > 0) return [];
  const open: Access = { ...access, allow: [], deny: [], maxTier: undefined };
  if (callable(view, policy, open, catalog).length === 0) return [];
  const names = new Set(catalog.map(({ name }) => name));
  const isOfCatalog = (entry: string): boolean => entry.startsWith('group:') || names.has(entry);
  const refusesUnknown =
    refusesUnknownTargets(view) ||
    access.deny.includes('*') ||
    (access.allow.length > 0 && access.allow.every(isOfCatalog));
  if (!refusesUnknown) return [];
  const message = 'no target may be called, unless a bypass lifts it or a user replaces it';
  return [{ code: 'NOTHING_CALLABLE', field: 'access', message }];
}

/** The targets that the rules on every path with the subject allow, were its own rules these. */
function callable(
  view: OrganizationView,
  policy: Policy,
  access: Access,
  catalog: readonly TargetFacts[],
): readonly TargetFacts[] {
  const drafted = draftView(view, [{ ...policy, access }]);
  const path = leastPath(view, policy.subject);
  return catalog.filter((target) => accessReasons(drafted, path, target).length === 0);
}

/** What is on the path of every call of a subject: itself, the ancestors of a team, and the organization. */
function leastPath(view: OrganizationView, { kind, id }: Subject): CallPath {
  const teams = kind === 'team' ? teamChain(view, id) : [];
  const of = (wanted: Subject['kind']): string | undefined => (kind === wanted ? id : undefined);
  return {
    ownTeams: teams.slice(0, 1),
    teams: teams.map((team, distance) => ({ id: team, distance })),
    user: of('user'),
    tier: of('tier'),
    keys: kind === 'key' ? [id] : [],
    token: of('token'),
    principal: of('principal'),
    app: of('app'),
    customer: of('customer'),
    labels: kind === 'label' ? [id] : [],
  };
}
