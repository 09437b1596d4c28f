import { encodeId } from '../../core/subject.ts';
import type { UsageDimension, UsageFilter } from '../../service/admin/usage-queries.ts';
import { manyKinds, setPrefix, singleKinds } from './usage-paths.ts';
import type { SetKind } from './usage-paths.ts';

/** Where sums by some dimensions are read: the fewest rows that distinguish them. */
export type UsageSource =
  /** The organization's own sums distinguish targets alone. */
  | { readonly of: 'organization' }
  /** Those of all subjects of a kind that a call has at most one of. */
  | { readonly of: 'subjects'; readonly kind: (typeof singleKinds)[number] }
  /** Those of combinations of subjects. */
  | { readonly of: 'sets'; readonly kind: SetKind };

type SubjectKindOf = Exclude<UsageDimension['kind'], 'model' | 'provider' | 'service_tier'>;

/** Whether a dimension is one of the target and not of the subjects. */
export function isOfTarget({ kind }: UsageDimension): boolean {
  return kind === 'model' || kind === 'provider' || kind === 'service_tier';
}

/** Whether a call may be in several groups of a dimension. */
export function overlaps({ kind }: UsageDimension): boolean {
  return kind === 'team' || kind === 'key';
}

/** What the names of a dimension's subjects begin with. */
export function namePrefix(dimension: UsageDimension): string {
  return dimension.kind === 'label'
    ? `label:${encodeId(dimension.labelKey)}=`
    : `${dimension.kind}:`;
}

/** The names of the subjects that a filter selects. */
export function namesOf({ dimension, values }: UsageFilter): string[] {
  return values.map((value) => `${namePrefix(dimension)}${encodeId(value)}`);
}

/** The source for what a query groups and filters by. */
export function sourceOf(dimensions: readonly UsageDimension[]): UsageSource {
  const kinds = new Set(
    dimensions.filter((one) => !isOfTarget(one)).map(({ kind }) => kind as SubjectKindOf),
  );
  const [kind, ...more] = kinds;
  if (kind === undefined) return { of: 'organization' };
  if (more.length > 0) return { of: 'sets', kind: 'path' };
  const single = singleKinds.find((known) => known === kind);
  if (single !== undefined) return { of: 'subjects', kind: single };
  return { of: 'sets', kind: manyKinds.find((known) => known === kind) ?? 'path' };
}

/** The span of names that begin with a prefix, in the order of their bytes: from, and before. */
export function spanOf(prefix: string): readonly [string, string] {
  const last = prefix.codePointAt(prefix.length - 1) ?? 0;
  return [prefix, prefix.slice(0, -1) + String.fromCodePoint(last + 1)];
}

/** The span of the names of a kind of combinations. */
export function spanOfSets(kind: SetKind): readonly [string, string] {
  return spanOf(setPrefix(kind));
}
