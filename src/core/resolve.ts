import type { CallPath } from './call.ts';
import { declaredFor, defaultFor } from './declarations.ts';
import type { Declaration, Slots } from './declarations.ts';
import { byCodeUnit, meterOf } from './meter.ts';
import type { Meter } from './meter.ts';
import type { OrganizationView } from './organization-view.ts';
import { pathSubjects, teamChain } from './path.ts';
import { metrics, windows } from './policy.ts';
import type { Limit } from './policy.ts';
import { orgSubject } from './subject.ts';
import type { Subject } from './subject.ts';

/** A limit that holds for a path, whatever its target: who declared it, and the meter it is measured on. */
export interface EffectiveLimit {
  readonly subject: Subject;
  readonly revision: number;
  readonly limit: Limit & { readonly amount: bigint };
  readonly meter: Meter;
}

/**
 * The limits that hold for a path: for each subject and slot those of the nearest declaration (own, tier
 * template, teams' defaults by distance, organization's defaults), and every member limit, which nothing
 * overrides. In the order of the path, then slot, then name.
 */
export function effectiveLimits(view: OrganizationView, path: CallPath): readonly EffectiveLimit[] {
  return view.remember(`limits ${JSON.stringify(path)}`, () => resolve(view, path));
}

function resolve(view: OrganizationView, path: CallPath): EffectiveLimit[] {
  return pathSubjects(path).flatMap((subject) => {
    const declarations = nearest(levelsOf(view, path, subject));
    const limits = measured(declarations, (limit) => meterOf(subject, limit.targets));
    if (subject.kind === 'team' && path.user !== undefined) {
      limits.push(...memberLimits(view, subject, path.user));
    }
    return limits.toSorted(bySlotThenName);
  });
}

/** Of every slot the declaration of the first level that has it. */
function nearest(levels: readonly Slots[]): Declaration[] {
  const chosen = new Map<string, Declaration>();
  for (const level of levels) {
    for (const [slot, declaration] of level) if (!chosen.has(slot)) chosen.set(slot, declaration);
  }
  return [...chosen.values()];
}

/** The limits that limit: `unlimited` lifts what is farther and is not itself listed. */
function measured(
  declarations: Iterable<Declaration>,
  meter: (limit: Limit) => Meter,
): EffectiveLimit[] {
  const found: EffectiveLimit[] = [];
  for (const { policy, limits } of declarations) {
    const { subject, revision } = policy;
    for (const limit of limits) {
      const { amount } = limit;
      if (amount === undefined) continue;
      found.push({ subject, revision, limit: { ...limit, amount }, meter: meter(limit) });
    }
  }
  return found;
}

function memberLimits(view: OrganizationView, team: Subject, user: string): EffectiveLimit[] {
  const slots = declaredFor(view.policy(team), 'MEMBER');
  return measured(slots.values(), (limit) => meterOf(team, limit.targets, user));
}

/** Where a subject's limits may come from, nearest first. */
function levelsOf(view: OrganizationView, path: CallPath, subject: Subject): Slots[] {
  const own = declaredFor(view.policy(subject), 'SELF');
  const forText = defaultFor(subject);
  if (forText === undefined) return [own];
  if (subject.kind === 'team') {
    // A default for teams holds for those below its team, so distance is counted from the team itself.
    const above = teamChain(view, subject.id).slice(1);
    const teams = above.map((id, distance) => ({ id, distance }));
    return [own, ...defaults(view, teams, forText)];
  }
  const templates = subject.kind === 'user' ? [template(view, path.tier, own)] : [];
  return [own, ...templates, ...defaults(view, path.teams, forText)];
}

/** The tier's template, less every metric of which the user has an own enabled limit without targets. */
function template(view: OrganizationView, tier: string | undefined, own: Slots): Slots {
  if (tier === undefined) return new Map();
  const ownLimits = [...own.values()].flatMap(({ limits }) => limits);
  const ignored = new Set(
    ownLimits.filter(({ targets }) => targets.length === 0).map(({ metric }) => metric),
  );
  const slots = [...declaredFor(view.policy({ kind: 'tier', id: tier }), 'USER')];
  return new Map(
    slots.filter(([, { limits }]) => limits.every(({ metric }) => !ignored.has(metric))),
  );
}

/** The defaults that reach a subject: of the teams, which come nearest first, then of the organization. */
function defaults(view: OrganizationView, teams: CallPath['teams'], forText: string): Slots[] {
  const byDistance = new Map<number, Slots[]>();
  for (const { id, distance } of teams) {
    const declared = declaredFor(view.policy({ kind: 'team', id }), forText);
    const level = byDistance.get(distance);
    if (level === undefined) byDistance.set(distance, [declared]);
    else level.push(declared);
  }
  const ofOrganization = declaredFor(view.policy(orgSubject), forText);
  return [...byDistance.values()].map(smallest).concat(ofOrganization);
}

/** Of several teams at one distance, for each slot the declaration that gives least. */
function smallest(levels: readonly Slots[]): Slots {
  const chosen = new Map<string, Declaration>();
  for (const level of levels) {
    for (const [slot, declaration] of level) {
      const known = chosen.get(slot);
      if (known === undefined || byGenerosity(declaration, known) < 0) {
        chosen.set(slot, declaration);
      }
    }
  }
  return chosen;
}

/** By the smallest BLOCK amount, then the smallest other amount, then the team's id; unlimited is the largest. */
export function byGenerosity(a: Declaration, b: Declaration): number {
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

/** Something that is about a limit. */
interface OfLimit {
  readonly limit: Limit;
}

/** The order of the limits of one subject. */
export function bySlotThenName(a: OfLimit, b: OfLimit): number {
  return (
    metrics.indexOf(a.limit.metric) - metrics.indexOf(b.limit.metric) ||
    rankOf(a.limit.window) - rankOf(b.limit.window) ||
    byCodeUnit(a.limit.targets.join(' '), b.limit.targets.join(' ')) ||
    byCodeUnit(a.limit.name, b.limit.name)
  );
}

function rankOf(window: Limit['window']): number {
  return windows.findIndex((known) => known === window);
}
