/** The kinds of subject that a call has at most one of. Calls without one are summed under the kind alone, `user:`. */
export const singleKinds = ['user', 'app', 'principal', 'customer', 'tier'] as const;

/** The kinds of subject that a call may have several of. */
export const manyKinds = ['team', 'key', 'label'] as const;

/** The kinds of combinations of subjects that are summed: all of a call's subjects, and those of one kind. */
export type SetKind = 'path' | (typeof manyKinds)[number];

/** What the names of combinations begin with. No meter's name does. */
export function setPrefix(kind: SetKind): string {
  return `=${kind}:`;
}

const sets: readonly (readonly [SetKind, begins: string])[] = [
  ['path', ''],
  ...manyKinds.map((kind) => [kind, `${kind}:`] as const),
];
const setValues = sets.map(([kind, begins]) => `('${setPrefix(kind)}', '${begins}')`).join(', ');
const singleValues = singleKinds.map((kind) => `('${kind}:')`).join(', ');

const isMember = `starts_with(x.name, k.begins) AND x.name <> 'org' AND strpos(x.name, '/') = 0`;
const hash = `encode(substring(sha256(convert_to(array_to_string(members, E'\\n'), 'UTF8')) FROM 1 FOR 16), 'hex')`;

/** SQL: the combinations of subjects that a table's `subjects` make, as `subjects`, `path` and `members`. */
export function setsOf(table: string): string {
  return `SELECT subjects, prefix || ${hash} AS path, members FROM (
    SELECT p.subjects, k.prefix, coalesce(array_agg(x.name ORDER BY x.n) FILTER (WHERE ${isMember}), '{}') AS members
    FROM (SELECT DISTINCT subjects FROM ${table}) p CROSS JOIN unnest(p.subjects) WITH ORDINALITY AS x(name, n)
      CROSS JOIN (VALUES ${setValues}) AS k(prefix, begins)
    GROUP BY p.subjects, k.prefix) made`;
}

/** SQL: the kinds that a table's `subjects` have none of, as `subjects` and `kind`. */
export function absentKindsOf(table: string): string {
  return `SELECT p.subjects, k.begins AS kind
    FROM (SELECT DISTINCT subjects FROM ${table}) p CROSS JOIN unnest(p.subjects) AS x(name)
      CROSS JOIN (VALUES ${singleValues}) AS k(begins)
    GROUP BY p.subjects, k.begins HAVING NOT bool_or(starts_with(x.name, k.begins))`;
}
