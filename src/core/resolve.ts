import type { CallPath } from './call.ts';
import { byCodeUnit, meterOf } from './meter.ts';
import type { Meter } from './meter.ts';
import type { OrganizationView } from './organization-view.ts';
import { pathSubjects, teamChain } from './path.ts';
import { metrics, windows } from './policy.ts';
import type { Limit, LimitFor, Policy } from './policy.ts';
import { orgSubject } from './subject.ts';
import type { Subject } from './subject.ts';

/** A limit that holds for a path, whatever its target: who declared it, and the meter it is measured on. */
export interface EffectiveLimit {
  readonly subject: Subject;
  readonly revision: number;
  readonly limit: Limit & { readonly amount: bigint };
  readonly meter: Meter;
}

/** One declaration of a slot: all its limits, of one subject, taken together. */
interface Declaration {
  readonly policy: Policy;
  readonly limits: readonly Limit[];
}

/** Declarations by slot. */
type Slots = ReadonlyMap<string, Declaration>;

/**
 * The limits that hold for a path: for each subject and slot those of the nearest declaration (own, tier
 * template, teams' defaults by distance, organization's defaults), and every member limit, which nothing
 * overrides. In path order, then slot, then name.
 */
export function effectiveLimits(view: OrganizationView, path: CallPath): readonly EffectiveLimit[] {
  return view.remember(`limits ${JSON.stringify(path)}`, () => resolve(view, path));
}

function resolve(view: OrganizationView, path: CallPath): EffectiveLimit[] {
  const found: EffectiveLimit[] = [];
  for (const subject of pathSubjects(path)) {
    const limits = nearest(levelsOf(view, path, subject)).flatMap(({ policy, limits: declared }) =>
      measured(policy, declared, (limit) => meterOf(subject, limit.targets)),
    );
    if (subject.kind === 'team') limits.push(...memberLimits(view, path, subject));
    found.push(...limits.toSorted(bySlotThenName));
  }
  return found;
}

/** Of every slot the declaration of the first level that has it. */
function nearest(levels: readonly Slots[]): Declaration[] {
  const chosen = new Map<string, Declaration>();
  for (const level of levels) {
    for (const [slot, declaration] of level) if (!chosen.has(slot)) chosen.set(slot, declaration);
  }
  return [...chosen.values()];
}

/** The limits of a declaration that limit: `unlimited` lifts what is farther and is not itself listed. */
function measured(
  { subject, revision }: Policy,
  limits: readonly Limit[],
  meter: (limit: Limit) => Meter,
): EffectiveLimit[] {
  return limits.flatMap((limit) => {
    const { amount } = limit;
    if (amount === undefined) return [];
    return [{ subject, revision, limit: { ...limit, amount }, meter: meter(limit) }];
  });
}

function memberLimits(view: OrganizationView, path: CallPath, team: Subject): EffectiveLimit[] {
  const { user } = path;
  const policy = view.policy(team);
  if (user === undefined || policy === undefined) return [];
  const limits = policy.limits.filter((limit) => limit.enabled && limit.for.kind === 'MEMBER');
  return measured(policy, limits, (limit) => meterOf(team, limit.targets, user));
}

/** Where a subject's limits may come from, nearest first. */
function levelsOf(view: OrganizationView, path: CallPath, subject: Subject): Slots[] {
  const own = slotsOf(view.policy(subject), (declared) => declared.kind === 'SELF');
  switch (subject.kind) {
    case 'tier':
      return [];
    case 'org':
    case 'token':
      return [own];
    case 'user':
      return [own, template(view, path, own), ...defaults(view, path.teams, subject)];
    case 'team': {
      // A default for teams holds for those below its team, so distance is counted from the team itself.
      const above = teamChain(view, subject.id).slice(1);
      const teams = above.map((id, distance) => ({ id, distance }));
      return [own, ...defaults(view, teams, subject)];
    }
    case 'key':
    case 'principal':
    case 'app':
    case 'customer':
    case 'label':
      return [own, ...defaults(view, path.teams, subject)];
  }
}

/** The tier's template, less every metric of which the user has an own enabled limit without targets. */
function template(view: OrganizationView, path: CallPath, own: Slots): Slots {
  if (path.tier === undefined) return new Map();
  const ignored = new Set(
    [...own.values()].flatMap(({ limits }) =>
      limits.filter((limit) => limit.targets.length === 0).map((limit) => limit.metric),
    ),
  );
  const slots = slotsOf(view.policy({ kind: 'tier', id: path.tier }), () => true);
  return new Map(
    [...slots].filter(
      ([
        ,
        {
          limits: [first],
        },
      ]) => first && !ignored.has(first.metric),
    ),
  );
}

/** The defaults for a subject: of the teams by distance, then of the organization. */
function defaults(view: OrganizationView, teams: CallPath['teams'], subject: Subject): Slots[] {
  const isFor = (declared: LimitFor): boolean => isDefaultFor(declared, subject);
  const levels: Slots[] = [];
  for (const distance of new Set(teams.map((team) => team.distance))) {
    const atDistance = teams.filter((team) => team.distance === distance);
    const declared = atDistance.map(({ id }) => slotsOf(view.policy({ kind: 'team', id }), isFor));
    levels.push(declared.length === 1 ? (declared[0] ?? new Map()) : smallest(declared));
  }
  levels.push(slotsOf(view.policy(orgSubject), isFor));
  return levels;
}

const kindOfDefault = {
  USER: 'user',
  KEY: 'key',
  CUSTOMER: 'customer',
  PRINCIPAL: 'principal',
  APP: 'app',
  TEAM: 'team',
} as const;

function isDefaultFor(declared: LimitFor, subject: Subject): boolean {
  switch (declared.kind) {
    case 'SELF':
    case 'MEMBER':
      return false;
    case 'LABEL':
      return subject.kind === 'label' && subject.id.startsWith(`${declared.key}=`);
    case 'USER':
    case 'KEY':
    case 'CUSTOMER':
    case 'PRINCIPAL':
    case 'APP':
    case 'TEAM':
      return kindOfDefault[declared.kind] === subject.kind;
  }
}

/** Of several teams at one distance, for each slot the declaration that gives least. */
function smallest(levels: readonly Slots[]): Slots {
  const chosen = new Map<string, Declaration>();
  for (const level of levels) {
    for (const [slot, declaration] of level) {
      const known = chosen.get(slot);
      if (known === undefined || byGenerosity(declaration, known) < 0)
        chosen.set(slot, declaration);
    }
  }
  return chosen;
}

/** By the smallest BLOCK amount, then the smallest other amount, then the team's id; unlimited is the largest. */
function byGenerosity(a: Declaration, b: Declaration): number {
  return (
    byAmount(least(a, true), least(b, true)) ||
    byAmount(least(a, false), least(b, false)) ||
    byCodeUnit(a.policy.subject.id, b.policy.subject.id)
  );
}

function least({ limits }: Declaration, ofBlock: boolean): bigint | undefined {
  let smallestAmount: bigint | undefined;
  for (const { action, amount } of limits) {
    if ((action === 'BLOCK') !== ofBlock || amount === undefined) continue;
    if (smallestAmount === undefined || amount < smallestAmount) smallestAmount = amount;
  }
  return smallestAmount;
}

function byAmount(a: bigint | undefined, b: bigint | undefined): number {
  if (a === b) return 0;
  if (a === undefined) return 1;
  return b === undefined || a < b ? -1 : 1;
}

/** The enabled limits of a policy that are meant, by slot. */
function slotsOf(policy: Policy | undefined, isMeant: (declared: LimitFor) => boolean): Slots {
  const slots = new Map<string, { policy: Policy; limits: Limit[] }>();
  if (policy === undefined) return slots;
  for (const limit of policy.limits) {
    if (!limit.enabled || !isMeant(limit.for)) continue;
    const slot = `${limit.metric} ${limit.window ?? ''} ${limit.targets.join(',')}`;
    const known = slots.get(slot);
    if (known === undefined) slots.set(slot, { policy, limits: [limit] });
    else known.limits.push(limit);
  }
  return slots;
}

function bySlotThenName(a: EffectiveLimit, b: EffectiveLimit): number {
  return (
    metrics.indexOf(a.limit.metric) - metrics.indexOf(b.limit.metric) ||
    windowRank(a.limit) - windowRank(b.limit) ||
    byCodeUnit(a.limit.targets.join(','), b.limit.targets.join(',')) ||
    byCodeUnit(a.limit.name, b.limit.name)
  );
}

function windowRank({ window }: Limit): number {
  return window === undefined ? -1 : windows.indexOf(window);
}
