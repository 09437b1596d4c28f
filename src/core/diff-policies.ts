import { byCodeUnit } from './meter.ts';
import type { Access, Bypass, Limit, Policy } from './policy.ts';

/** One part of a policy before and after, and the names of the fields in which it differs, in order. */
export interface PartDiff<Part> {
  readonly before: Part | undefined;
  readonly after: Part | undefined;
  readonly fields: readonly (keyof Part & string)[];
}

/** What differs between two policies; what is the same is left out. */
export interface PolicyDiff {
  readonly added: readonly Limit[];
  readonly removed: readonly Limit[];
  readonly changed: readonly (PartDiff<Limit> & {
    readonly before: Limit;
    readonly after: Limit;
  })[];
  readonly access: PartDiff<Access> | undefined;
  readonly bypass: PartDiff<Bypass> | undefined;
  readonly notes: { readonly before: string; readonly after: string } | undefined;
}

/** Compares two policies of one subject, limits by their names; undefined declares nothing. */
export function diffPolicies(before: Policy | undefined, after: Policy | undefined): PolicyDiff {
  const [had, has] = [before?.limits ?? [], after?.limits ?? []];
  const [hadByName, hasByName] = [byName(had), byName(has)];
  const [notesBefore, notesAfter] = [before?.notes ?? '', after?.notes ?? ''];
  return {
    added: has.filter(({ name }) => !hadByName.has(name)),
    removed: had.filter(({ name }) => !hasByName.has(name)),
    changed: had.flatMap((limit) => {
      const now = hasByName.get(limit.name);
      const diff = now && diffParts(limit, now);
      return diff === undefined ? [] : [{ ...diff, before: limit, after: now ?? limit }];
    }),
    access: diffParts(before?.access, after?.access),
    bypass: diffParts(before?.bypass, after?.bypass),
    notes: notesBefore === notesAfter ? undefined : { before: notesBefore, after: notesAfter },
  };
}

/** Entries that only the second list has. */
export function addedEntries(before: readonly string[], after: readonly string[]): string[] {
  const had = new Set(before);
  return after.filter((entry) => !had.has(entry));
}

function byName(limits: readonly Limit[]): ReadonlyMap<string, Limit> {
  return new Map(limits.map((limit) => [limit.name, limit]));
}

/** Undefined where both are the same. A part that is not there has no fields: all of the other differ. */
function diffParts<Part extends object>(
  before: Part | undefined,
  after: Part | undefined,
): PartDiff<Part> | undefined {
  const names = new Set(Object.keys({ ...before, ...after })) as Set<keyof Part & string>;
  const fields = [...names]
    .filter((name) => textOf(before?.[name]) !== textOf(after?.[name]))
    .toSorted(byCodeUnit);
  return fields.length === 0 && (before === undefined) === (after === undefined)
    ? undefined
    : { before, after, fields };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'bigint' ? String(value) : JSON.stringify(value);
}
