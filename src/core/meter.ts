import { decodeId, encodeId, parseSubject, subjectName } from './subject.ts';
import type { Subject } from './subject.ts';

/**
 * What one meter counts: a subject's calls, or those of one user inside a team (`member`), narrowed to
 * some targets (`targets`, sorted; empty means every call). `name` is the composed form and the row's id:
 * `user:alice`, `team:red/user:alice`, `user:alice@gpt-4o,group:frontier`.
 */
export interface Meter {
  readonly subject: Subject;
  readonly member: string | undefined;
  readonly targets: readonly string[];
  readonly name: string;
}

/** Builds a meter; `targets` may come in any order. */
export function meterOf(subject: Subject, targets: readonly string[] = [], member?: string): Meter {
  const sorted = targets.length > 1 ? [...new Set(targets)].toSorted(byCodeUnit) : targets;
  const base =
    member === undefined
      ? subjectName(subject)
      : `${subjectName(subject)}/user:${encodeId(member)}`;
  const name = sorted.length === 0 ? base : `${base}@${sorted.map(encodeId).join(',')}`;
  return { subject, member, targets: sorted, name };
}

/**
 * Reads a meter's composed name, as reports name it: `org`, `user:alice`, `team:red/user:alice`,
 * `user:alice@gpt-4o`. Undefined when it is none.
 */
export function parseMeterName(name: string): Meter | undefined {
  const at = name.indexOf('@');
  const base = at < 0 ? name : name.slice(0, at);
  const targets =
    at < 0
      ? []
      : name
          .slice(at + 1)
          .split(',')
          .map(decodeId);
  const [first = '', second, ...more] = base.split('/');
  const subject = parseSubject(decodeId(first));
  if (subject === undefined || more.length > 0 || targets.includes('')) return undefined;
  if (second === undefined) return meterOf(subject, targets);
  const isMember = subject.kind === 'team' && second.startsWith('user:') && second.length > 5;
  return isMember ? meterOf(subject, targets, decodeId(second.slice(5))) : undefined;
}

/** A derived meter exists only while a limit names it; the others are kept for every subject on a path. */
export function isDerived(meter: Meter): boolean {
  return meter.member !== undefined || meter.targets.length > 0 || meter.subject.kind === 'label';
}

/** Orders text by UTF-16 code unit: the same everywhere, unlike a locale's order. */
export function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
