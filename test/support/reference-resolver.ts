import type { SaidCall, SaidLimit, SaidPolicy, Said } from './view.ts';

/**
 * The rules of paths and limits once more, as plainly as they can be said and without a line of the core:
 * every declaration that could reach a subject is given a rank, and the smallest rank of each slot wins.
 */
export interface ReferencePath {
  /** Team id to distance. */
  readonly teams: ReadonlyMap<string, number>;
  readonly ownTeams: readonly string[];
  readonly user: string | undefined;
  readonly tier: string | undefined;
  readonly keys: readonly string[];
  readonly token: string | undefined;
  readonly principal: string | undefined;
  readonly app: string | undefined;
  readonly customer: string | undefined;
  readonly labels: readonly string[];
  readonly reasons: readonly string[];
}

/** The path of a call and the reasons that lie in it. */
export function referencePath(said: Said, call: SaidCall, nowMs: number): ReferencePath {
  const isToken = typeof call.credential === 'object' && call.credential.kind === 'token';
  const presented = typeof call.credential === 'object' ? call.credential.id : undefined;
  const token = isToken ? presented : undefined;
  const keys = [isToken ? undefined : presented, call.key].filter((id) => id !== undefined);
  const records = [
    ...(said.tokens ?? []).filter(({ id }) => id === token),
    ...(said.keys ?? []).filter(({ id }) => keys.includes(id)),
  ];
  const wanted = (token === undefined ? 0 : 1) + new Set(keys).size;
  const isUnknown = call.credential === 'UNKNOWN' || records.length !== wanted;

  const all = (field: 'user' | 'principal' | 'app' | 'customer'): string[] => [
    ...new Set([...records.map((r) => r[field]), call[field]].filter((id) => id !== undefined)),
  ];
  const [users, principals, apps, customers] = [
    all('user'),
    all('principal'),
    all('app'),
    all('customer'),
  ];
  const registered = said.users?.find(({ id }) => id === users[0]);
  const bound = new Set(records.map(({ team }) => team).filter((id) => id !== undefined));
  const named = call.teams ?? [];
  const counted = new Set([...named, ...bound]);
  const mismatch =
    [users, principals, apps, customers].some((ids) => ids.length > 1) ||
    (named.length > 0 && [...bound].some((id) => !named.includes(id))) ||
    (named.length === 0 && bound.size > 1) ||
    (registered !== undefined && [...counted].some((id) => !(registered.teams ?? []).includes(id)));
  const ownTeams = counted.size > 0 ? [...counted] : (registered?.teams ?? []);
  const teams = distances(said, ownTeams);
  const principal = said.principals?.find(({ id }) => id === principals[0]);
  const app = apps[0] ?? principal?.app;

  const reasons: string[] = [];
  const when = (reason: string, holds: boolean): void => {
    if (holds) reasons.push(reason);
  };
  when(
    'CREDENTIAL_REVOKED',
    records.some(({ state }) => state === 'REVOKED'),
  );
  when(
    'CREDENTIAL_EXPIRED',
    records.some(({ expiresAtMs }) => (expiresAtMs ?? Infinity) <= nowMs),
  );
  when(
    'CREDENTIAL_DISABLED',
    records.some(({ state }) => state === 'DISABLED'),
  );
  when(
    'SCOPE_MISSING',
    records.some(({ scopes }) => scopes?.includes('model.invoke') === false),
  );
  when('ORG_SUSPENDED', said.organization?.state === 'SUSPENDED');
  when(
    'TEAM_SUSPENDED',
    (said.teams ?? []).some((t) => t.state === 'SUSPENDED' && teams.has(t.id)),
  );
  when('USER_SUSPENDED', registered?.state === 'SUSPENDED');
  when('SUBJECT_MISMATCH', mismatch);
  const strangers =
    (users[0] !== undefined && registered === undefined) ||
    (principals[0] !== undefined && principal === undefined) ||
    (app !== undefined && !(said.apps ?? []).includes(app)) ||
    (customers[0] !== undefined && !(said.customers ?? []).includes(customers[0])) ||
    ownTeams.some((id) => !(said.teams ?? []).some((team) => team.id === id));
  when('SUBJECT_UNKNOWN', !mismatch && strangers && said.organization?.unknownSubjects === 'DENY');
  return {
    teams,
    ownTeams,
    user: users[0],
    tier: call.tier ?? registered?.tier,
    keys: [...new Set(keys)],
    token,
    principal: principals[0],
    app,
    customer: customers[0],
    labels: Object.entries(call.labels ?? {}).map(([key, value]) => `${key}=${value}`),
    reasons: isUnknown ? ['CREDENTIAL_UNKNOWN'] : reasons,
  };
}

/** How far every team on the path is: 0 for the own ones, one more for each step up, the shortest way. */
function distances(said: Said, own: readonly string[]): Map<string, number> {
  const found = new Map<string, number>();
  let level = [...new Set(own)];
  for (let distance = 0; level.length > 0; distance += 1) {
    for (const id of level) if (!found.has(id)) found.set(id, distance);
    const parents = level.map((id) => said.teams?.find((team) => team.id === id)?.parent);
    level = parents.filter((id) => id !== undefined).filter((id) => !found.has(id));
  }
  return found;
}

/** One limit that holds: `declared/name meter amount`. */
export type ReferenceLimit = `${string}/${string} ${string} ${string}`;

interface Candidate {
  readonly slot: string;
  /** Compared from the left; the smallest wins. */
  readonly rank: readonly (number | bigint | string)[];
  readonly declared: string;
  readonly limits: readonly SaidLimit[];
}

const unlimited = 1n << 80n;

/** The limits that hold for a call of a target, as texts, in no order. */
export function referenceLimits(
  said: Said,
  path: ReferencePath,
  isNamed: (targets: readonly string[]) => boolean,
): ReferenceLimit[] {
  const found: ReferenceLimit[] = [];
  const take = (declared: string, meter: string, limits: readonly SaidLimit[]): void => {
    for (const { name, amount, targets = [] } of limits) {
      if (amount === undefined || (targets.length > 0 && !isNamed(targets))) continue;
      const narrowed = targets.length === 0 ? meter : `${meter}@${targets.join(',')}`;
      found.push(`${declared}/${name} ${narrowed} ${amount}`);
    }
  };
  for (const [subject, meter] of measured(path)) {
    const candidates = candidatesFor(said, path, subject);
    for (const slot of new Set(candidates.map((candidate) => candidate.slot))) {
      const [winner] = candidates.filter((c) => c.slot === slot).toSorted(byRank);
      if (winner !== undefined) take(winner.declared, meter, winner.limits);
    }
  }
  for (const team of path.user === undefined ? [] : path.teams.keys()) {
    const limits = enabled(said.policies?.[`team:${team}`]).filter((l) => l.for?.kind === 'MEMBER');
    take(`team:${team}`, `team:${team}/user:${path.user}`, limits);
  }
  return found;
}

/** Subjects with a meter that limits are for; a tier's is for reading only. */
function measured(path: ReferencePath): [subject: string, meter: string][] {
  return [
    ...one('token', path.token),
    ...path.keys.map((id) => `key:${id}`),
    ...one('user', path.user),
    ...one('principal', path.principal),
    ...one('app', path.app),
    ...one('customer', path.customer),
    ...path.labels.map((label) => `label:${label}`),
    ...[...path.teams.keys()].map((id) => `team:${id}`),
    'org',
  ].map((subject) => [subject, subject]);
}

/** A subject as text, if there is one. */
export function one(kind: string, id: string | undefined): string[] {
  return id === undefined ? [] : [`${kind}:${id}`];
}

function candidatesFor(said: Said, path: ReferencePath, subject: string): Candidate[] {
  const [kind = '', ...rest] = subject.split(':');
  const id = rest.join(':');
  const isFor = (limit: SaidLimit): boolean =>
    limit.for?.kind === 'LABEL'
      ? kind === 'label' && limit.for.key === id.split('=')[0]
      : limit.for?.kind === kind.toUpperCase() && kind !== 'org' && kind !== 'token';
  const own = enabled(said.policies?.[subject]).filter((l) => (l.for?.kind ?? 'SELF') === 'SELF');
  const candidates = declarations(subject, own, () => [0]);
  if (kind === 'user' && path.tier !== undefined) {
    const broad = own
      .filter(({ targets = [] }) => targets.length === 0)
      .map(({ metric }) => metric);
    const template = enabled(said.policies?.[`tier:${path.tier}`]);
    const kept = template.filter(({ metric }) => !broad.includes(metric));
    candidates.push(...declarations(`tier:${path.tier}`, kept, () => [1]));
  }
  const above = kind === 'team' ? distances(said, [id]) : path.teams;
  for (const [team, distance] of above) {
    if (kind === 'team' && team === id) continue;
    const limits = enabled(said.policies?.[`team:${team}`]).filter(isFor);
    candidates.push(
      ...declarations(`team:${team}`, limits, (slot) => [2, distance, ...least(slot), team]),
    );
  }
  candidates.push(...declarations('org', enabled(said.policies?.['org']).filter(isFor), () => [3]));
  return candidates;
}

function declarations(
  declared: string,
  limits: readonly SaidLimit[],
  rank: (limits: readonly SaidLimit[]) => Candidate['rank'],
): Candidate[] {
  const slots = Object.groupBy(limits, ({ metric, window, targets = [] }) =>
    JSON.stringify([metric, metric === 'CONCURRENCY' ? null : (window ?? 'DAY'), targets]),
  );
  return Object.entries(slots).map(([slot, of = []]) => ({
    slot,
    declared,
    limits: of,
    rank: rank(of),
  }));
}

function least(limits: readonly SaidLimit[]): bigint[] {
  const blocks = limits.filter(({ action = 'BLOCK' }) => action === 'BLOCK');
  const others = limits.filter(({ action = 'BLOCK' }) => action !== 'BLOCK');
  return [smallest(blocks), smallest(others)];
}

function smallest(limits: readonly SaidLimit[]): bigint {
  const amounts = limits.map(({ amount }) => amount ?? unlimited);
  return amounts.reduce((a, b) => (a < b ? a : b), unlimited);
}

function byRank(a: Candidate, b: Candidate): number {
  for (const [index, left] of a.rank.entries()) {
    const right = b.rank[index];
    if (right === undefined || left === right) continue;
    return left < right ? -1 : 1;
  }
  return 0;
}

function enabled(policy: SaidPolicy | undefined): readonly SaidLimit[] {
  return (policy?.limits ?? []).filter((limit) => limit.enabled ?? true);
}
