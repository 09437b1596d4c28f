import type { CallPath, TargetFacts } from './call.ts';
import { meterOf } from './meter.ts';
import type { Meter } from './meter.ts';
import type { MeterFamily, OrganizationView } from './organization-view.ts';
import { pathSubjects } from './path.ts';
import type { Limit, Policy } from './policy.ts';
import { orgSubject } from './subject.ts';
import type { Subject } from './subject.ts';
import { targetMatches } from './target.ts';

/**
 * Every meter that a call is charged to, the organization's first. Labels, members and targets only where
 * a family says so: that depends on the epoch, the path and the target alone, never on which limits hold.
 */
export function chargedMeters(
  view: OrganizationView,
  path: CallPath,
  target: TargetFacts,
): readonly Meter[] {
  const subjects = pathSubjects(path);
  const meters = new Map<string, Meter>();
  const add = (meter: Meter): void => void meters.set(meter.name, meter);
  add(meterOf(orgSubject));
  for (const subject of subjects) if (subject.kind !== 'label') add(meterOf(subject));
  for (const family of view.families) {
    const own = subjects.filter((subject) => isOfFamily(subject, family));
    // An organization may have families of thousands of teams: targets are matched for those on the path.
    if (own.length === 0) continue;
    if (family.targets.length > 0 && !targetMatches(family.targets, target)) continue;
    for (const subject of own) {
      if (!family.member) add(meterOf(subject, family.targets));
      else if (path.user !== undefined) add(meterOf(subject, family.targets, path.user));
    }
  }
  return [...meters.values()];
}

function isOfFamily(subject: Subject, family: MeterFamily): boolean {
  if (subject.kind !== family.kind) return false;
  if (family.labelKey !== undefined) return subject.id.startsWith(`${family.labelKey}=`);
  return family.id === undefined || family.id === subject.id;
}

/** The families of derived meters that a policy's limits name; disabled limits keep theirs. */
export function familiesOf(policy: Pick<Policy, 'subject' | 'limits'>): MeterFamily[] {
  const families = new Map<string, MeterFamily>();
  for (const limit of policy.limits) {
    const family = familyOf(policy.subject, limit);
    if (family !== undefined) families.set(familyName(family), family);
  }
  return [...families.values()];
}

const defaultKinds = {
  USER: 'user',
  KEY: 'key',
  CUSTOMER: 'customer',
  PRINCIPAL: 'principal',
  APP: 'app',
  TEAM: 'team',
} as const;

function familyOf(declaring: Subject, limit: Limit): MeterFamily | undefined {
  const { targets } = limit;
  const whole = { id: undefined, member: false, labelKey: undefined, targets };
  const narrowed = targets.length > 0;
  switch (limit.for.kind) {
    case 'SELF': {
      const isDerivedSelf = narrowed || declaring.kind === 'label';
      return isDerivedSelf ? { ...whole, kind: declaring.kind, id: declaring.id } : undefined;
    }
    case 'MEMBER':
      return { ...whole, kind: 'team', id: declaring.id, member: true };
    case 'LABEL':
      return { ...whole, kind: 'label', labelKey: limit.for.key };
    case 'USER':
    case 'KEY':
    case 'CUSTOMER':
    case 'PRINCIPAL':
    case 'APP':
    case 'TEAM':
      return narrowed ? { ...whole, kind: defaultKinds[limit.for.kind] } : undefined;
  }
}

/** A policy may name this many families of derived meters. */
export const maxFamiliesOfPolicy = 32;

/** An organization may have this many families that belong to every subject of a kind. */
export const maxWideFamilies = 64;

/** A Check, Extend or Explain may be counted on this many meters. */
export const maxMetersOfCall = 512;

/** Whether a family belongs to every subject of its kind, and not to one. */
export function isWide(family: MeterFamily): boolean {
  return family.id === undefined;
}

/** A stable text that is unique for each family. */
export function familyName(family: MeterFamily): string {
  const { kind, id, member, labelKey, targets } = family;
  return JSON.stringify([kind, id ?? null, member, labelKey ?? null, targets]);
}

/**
 * A coarse tag that a family shares with all its meters (and perhaps with those of others): when a family goes,
 * every row of its tag is deleted, and what is still named is filled again from the ledger.
 */
export function familyTag(family: MeterFamily): string {
  return tag(family.kind, family.member, family.targets);
}

/** The tag of a derived meter; see `familyTag`. */
export function meterFamilyTag(meter: Meter): string {
  return tag(meter.subject.kind, meter.member !== undefined, meter.targets);
}

function tag(kind: Subject['kind'], member: boolean, targets: readonly string[]): string {
  return `${kind}${member ? '/user' : ''}@${targets.join(',')}`;
}
