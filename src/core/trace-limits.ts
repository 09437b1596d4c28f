import type { CallPath } from './call.ts';
import { declaredFor, defaultFor } from './declarations.ts';
import type { Declaration, Slots } from './declarations.ts';
import { meterOf } from './meter.ts';
import type { Meter } from './meter.ts';
import type { OrganizationView } from './organization-view.ts';
import { pathSubjects, teamChain } from './path.ts';
import type { Limit } from './policy.ts';
import { byGenerosity, bySlotThenName } from './resolve.ts';
import { orgSubject } from './subject.ts';
import type { Subject } from './subject.ts';

/**
 * Why a declaration does not hold: a nearer one has its slot; the user has a limit of its own on the metric, so that
 * nothing of the tier's template on that metric holds; another team at the same distance gives less.
 */
export type Displacement = 'NEARER' | 'OWN_METRIC' | 'SMALLER';

/** A limit that does not hold for a subject, because another one does. */
export interface DisplacedLimit {
  readonly subject: Subject;
  readonly revision: number;
  readonly limit: Limit;
  readonly because: Displacement;
}

/** A limit that holds for a path, unlimited ones included, and those that do not hold because it does. */
export interface TracedLimit {
  readonly subject: Subject;
  readonly revision: number;
  readonly limit: Limit;
  readonly meter: Meter;
  readonly displaced: readonly DisplacedLimit[];
}

/**
 * Where the limits of a path come from, and what they displaced; for people. The limits among them that have an amount
 * are those of `effectiveLimits`, in its order.
 */
export function traceLimits(view: OrganizationView, path: CallPath): TracedLimit[] {
  return pathSubjects(path).flatMap((subject) => {
    const limits = traced(levelsOf(view, path, subject), subject);
    if (subject.kind === 'team' && path.user !== undefined) {
      limits.push(...memberLimits(view, subject, path.user));
    }
    return limits.toSorted(bySlotThenName);
  });
}

/** Declarations at one distance from a subject. */
interface Level {
  readonly from: 'OWN' | 'TEMPLATE' | 'DEFAULT';
  readonly declared: readonly Slots[];
}

/** A declaration that holds, and what it displaced. */
interface Holding {
  readonly declaration: Declaration;
  readonly displaced: DisplacedLimit[];
}

function traced(levels: readonly Level[], subject: Subject): TracedLimit[] {
  const holding = new Map<string, Holding>();
  for (const { from, declared } of levels) {
    for (const slot of new Set(declared.flatMap((slots) => [...slots.keys()]))) {
      const all = declared.flatMap((slots) => slots.get(slot) ?? []).toSorted(byGenerosity);
      const nearer = holding.get(slot);
      const own = from === 'TEMPLATE' && nearer === undefined ? ownOn(holding, all[0]) : undefined;
      const [first, ...rest] = all;
      if (nearer !== undefined) nearer.displaced.push(...all.flatMap(displacedBy('NEARER')));
      else if (own !== undefined) own.displaced.push(...all.flatMap(displacedBy('OWN_METRIC')));
      else if (first !== undefined) {
        const displaced = rest.flatMap(displacedBy('SMALLER'));
        holding.set(slot, { declaration: first, displaced });
      }
    }
  }
  return [...holding.values()].flatMap(({ declaration, displaced }) =>
    limitsOf(declaration, displaced, (limit) => meterOf(subject, limit.targets)),
  );
}

/** What the user's own policy declares on the metric of a template, without targets. */
function ownOn(
  holding: ReadonlyMap<string, Holding>,
  template: Declaration | undefined,
): Holding | undefined {
  const metric = template?.limits[0]?.metric;
  return [...holding.values()].find(
    ({ declaration: { policy, limits } }) =>
      policy.subject.kind === 'user' &&
      limits.some((limit) => limit.metric === metric && limit.targets.length === 0),
  );
}

function displacedBy(because: Displacement): (declaration: Declaration) => DisplacedLimit[] {
  return ({ policy: { subject, revision }, limits }) =>
    limits.map((limit) => ({ subject, revision, limit, because }));
}

function limitsOf(
  { policy: { subject, revision }, limits }: Declaration,
  displaced: readonly DisplacedLimit[],
  meter: (limit: Limit) => Meter,
): TracedLimit[] {
  return limits.map((limit) => ({ subject, revision, limit, meter: meter(limit), displaced }));
}

function memberLimits(view: OrganizationView, team: Subject, user: string): TracedLimit[] {
  const slots = declaredFor(view.policy(team), 'MEMBER');
  return [...slots.values()].flatMap((declaration) =>
    limitsOf(declaration, [], (limit) => meterOf(team, limit.targets, user)),
  );
}

/** Where a subject's limits may come from, nearest first. */
function levelsOf(view: OrganizationView, path: CallPath, subject: Subject): Level[] {
  const own: Level = { from: 'OWN', declared: [declaredFor(view.policy(subject), 'SELF')] };
  const whom = defaultFor(subject);
  if (whom === undefined) return [own];
  const { tier } = path;
  const template: Level[] =
    subject.kind === 'user' && tier !== undefined
      ? [
          {
            from: 'TEMPLATE',
            declared: [declaredFor(view.policy({ kind: 'tier', id: tier }), 'USER')],
          },
        ]
      : [];
  const teams =
    subject.kind === 'team'
      ? teamChain(view, subject.id)
          .slice(1)
          .map((id, distance) => ({ id, distance }))
      : path.teams;
  const byDistance = Map.groupBy(teams, ({ distance }) => distance);
  const ofTeams = [...byDistance.values()].map((level): Level => {
    const declared = level.map(({ id }) => declaredFor(view.policy({ kind: 'team', id }), whom));
    return { from: 'DEFAULT', declared };
  });
  const ofOrganization = declaredFor(view.policy(orgSubject), whom);
  return [own, ...template, ...ofTeams, { from: 'DEFAULT', declared: [ofOrganization] }];
}
