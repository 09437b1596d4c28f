import type { CallPath, CallRequest } from './call.ts';
import { bindCredentials, presentedCredentials } from './credentials.ts';
import { byCodeUnit } from './meter.ts';
import type { OrganizationView } from './organization-view.ts';
import { reasons as allReasons } from './reason.ts';
import type { Reason } from './reason.ts';
import { orgSubject } from './subject.ts';
import type { Subject } from './subject.ts';

/** The path of a call, and what is wrong with the subjects on it. */
export interface ResolvedPath {
  readonly path: CallPath;
  /** In order of precedence. */
  readonly reasons: readonly Reason[];
  /** The search for reasons ends here: the credential is unknown, or the subjects contradict each other. */
  readonly stop: boolean;
}

/**
 * From a request to the subjects that the call belongs to: what it names, what its credentials bring, what
 * is registered for them, and all ancestors of its teams. A request may add to a credential's bindings,
 * never contradict them.
 */
export function resolvePath(
  view: OrganizationView,
  request: CallRequest,
  nowMs: number,
): ResolvedPath {
  const presented = presentedCredentials(view, request, nowMs);
  const bound = bindCredentials(request.subjects, presented.credentials);
  const user = bound.user === undefined ? undefined : view.user(bound.user);
  const namesForeignTeam =
    user !== undefined && bound.teams.some((team) => !user.teams.includes(team));
  const ownTeams = bound.teams.length > 0 ? bound.teams : (user?.teams ?? []);
  const principal = bound.principal === undefined ? undefined : view.principal(bound.principal);
  const path: CallPath = {
    ownTeams,
    teams: withAncestors(view, ownTeams),
    user: bound.user,
    tier: request.subjects.tier ?? user?.tier,
    keys: presented.keys,
    token: presented.token,
    principal: bound.principal,
    app: bound.app ?? principal?.app,
    customer: bound.customer,
    labels: [...request.subjects.labels]
      .map(([key, value]) => `${key}=${value}`)
      .toSorted(byCodeUnit),
  };
  if (presented.isUnknown) return { path, reasons: ['CREDENTIAL_UNKNOWN'], stop: true };
  const found = new Set<Reason>(presented.reasons);
  if (bound.contradicts || namesForeignTeam) found.add('SUBJECT_MISMATCH');
  for (const reason of stateReasons(view, path)) found.add(reason);
  const stop = found.has('SUBJECT_MISMATCH');
  const ordered = allReasons.filter((reason) => found.has(reason));
  const kept = stop ? ordered.slice(0, ordered.indexOf('SUBJECT_MISMATCH') + 1) : ordered;
  return { path, reasons: kept, stop };
}

/** The subjects of a path, nearest first: credentials, user, principal, app, customer, labels, tier, teams, org. */
export function pathSubjects(path: CallPath): Subject[] {
  const subjects: Subject[] = [];
  const add = (kind: Subject['kind'], id: string | undefined): void => {
    if (id !== undefined) subjects.push({ kind, id });
  };
  add('token', path.token);
  for (const key of path.keys) add('key', key);
  add('user', path.user);
  add('principal', path.principal);
  add('app', path.app);
  add('customer', path.customer);
  for (const label of path.labels) add('label', label);
  add('tier', path.tier);
  for (const team of path.teams) add('team', team.id);
  subjects.push(orgSubject);
  return subjects;
}

/** A team and everything above it, itself first; `maxTeamDepth` bounds what a broken tree could cost. */
export function teamChain(view: OrganizationView, id: string): string[] {
  const chain: string[] = [];
  let at: string | undefined = id;
  while (at !== undefined && chain.length <= maxTeamDepth && !chain.includes(at)) {
    chain.push(at);
    at = view.team(at)?.parent;
  }
  return chain;
}

/** Teams may be nested this deep. */
export const maxTeamDepth = 8;

/** All teams of a call with their distance, the shortest way; nearest first, then by id. */
function withAncestors(view: OrganizationView, ownTeams: readonly string[]): CallPath['teams'] {
  const distances = new Map<string, number>();
  for (const own of ownTeams) {
    for (const [distance, id] of teamChain(view, own).entries()) {
      distances.set(id, Math.min(distance, distances.get(id) ?? Infinity));
    }
  }
  return [...distances]
    .map(([id, distance]) => ({ id, distance }))
    .toSorted((a, b) => a.distance - b.distance || byCodeUnit(a.id, b.id));
}

function stateReasons(view: OrganizationView, path: CallPath): Reason[] {
  const found: Reason[] = [];
  const { organization } = view;
  if (organization.state === 'SUSPENDED') found.push('ORG_SUSPENDED');
  if (path.teams.some(({ id }) => view.team(id)?.state === 'SUSPENDED'))
    found.push('TEAM_SUSPENDED');
  if (path.user !== undefined && view.user(path.user)?.state === 'SUSPENDED') {
    found.push('USER_SUSPENDED');
  }
  if (organization.unknownSubjects === 'DENY' && hasUnknown(view, path))
    found.push('SUBJECT_UNKNOWN');
  return found;
}

/** Tiers and labels are never unknown; credentials have a reason of their own. */
function hasUnknown(view: OrganizationView, path: CallPath): boolean {
  const { user, principal, app, customer } = path;
  return (
    (user !== undefined && view.user(user) === undefined) ||
    (principal !== undefined && view.principal(principal) === undefined) ||
    (app !== undefined && view.app(app) === undefined) ||
    (customer !== undefined && view.customer(customer) === undefined) ||
    path.ownTeams.some((team) => view.team(team) === undefined)
  );
}
