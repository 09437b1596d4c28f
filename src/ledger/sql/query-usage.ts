import type { UsageDimension, UsageQuery } from '../../service/admin/usage-queries.ts';
import { overlaps } from './usage-source.ts';
import { createParameters, usageEntries } from './usage-entries.ts';
import type { EntriesOf, Parameters, UsageSpans } from './usage-entries.ts';

/** A statement of a query of usage: its text follows from what is asked for, so it has no name. */
export interface UsageStatement {
  readonly text: string;
  readonly values: unknown[];
  readonly rowMode: 'array';
}

/** The days and the mark that the time of a query needs. $1 text: org_id; $2, $3 timestamptz. */
export const readUsageMark = {
  text: 'SELECT rolled_to::text, rolled_to_id FROM usage_rolled WHERE org_id = $1',
} as const;

/** The days that lie in a span, in milliseconds. $1 text: org_id; $2, $3 timestamptz: the span. */
export const readUsageDays = {
  text: `SELECT (extract(epoch FROM starts_at) * 1000)::bigint::text, (extract(epoch FROM ends_at) * 1000)::bigint::text,
  has_quarters FROM usage_day
WHERE org_id = $1 AND starts_at > $2::timestamptz - interval '48 hours' AND starts_at < $3::timestamptz
  AND ends_at > $2::timestamptz ORDER BY starts_at`,
} as const;

const ranks: Readonly<Record<UsageQuery['rankBy'], string>> = {
  COST: 'sum(cost)',
  TOKENS: 'sum(input + output)',
  INPUT_TOKENS: 'sum(input)',
  OUTPUT_TOKENS: 'sum(output)',
  REQUESTS: 'sum(requests)',
};

const sums = ['cost', 'input', 'output', 'requests', 'unit_count']
  .map((column) => `sum(${column})::text`)
  .join(', ');

/** The largest groups and one more, so that it is known whether there are more. Columns: those of the groups. */
export function rankGroups(query: UsageQuery, spans: UsageSpans): UsageStatement {
  return statement({ query: { ...query, units: [] }, spans }, (parameters) => {
    const keys = keysOf(query.groupBy);
    return `SELECT ${keys.join(', ')} FROM ${expanded(query.groupBy)}
GROUP BY ${keys.join(', ')} ORDER BY ${[`${ranks[query.rankBy]} DESC`, ...keys.map((key) => `${key} COLLATE "C"`)].join(', ')}
LIMIT ${parameters.add(query.seriesCount + 1, 'int')}`;
  });
}

/** Columns: the number of the group among `shown`, from 1; the part; the unit; the sums. */
export function sumGroups(query: UsageQuery, spans: UsageSpans, shown: Shown): UsageStatement {
  return statement({ query, spans, ...shown.only }, (parameters) => {
    const isShown = keysOf(query.groupBy).map((key, at) => `h.h${at + 1} = ${key}`);
    return `SELECT h.n::int, part, unit, ${sums} FROM ${expanded(query.groupBy)}
JOIN ${shownTable(shown, parameters)} ON ${isShown.join(' AND ')} GROUP BY h.n, part, unit`;
  });
}

/** What is in any of some groups, each call once. Columns: 1; the part; the unit; the sums. */
export function sumCovered(query: UsageQuery, spans: UsageSpans, shown: Shown): UsageStatement {
  return statement({ query, spans }, (parameters) => {
    const isShown = query.groupBy.map((dimension, at) => {
      const key = `entry.k${at + 1}`;
      return `h.h${at + 1} = ${overlaps(dimension) ? `ANY(${key})` : key}`;
    });
    return `SELECT 1, part, unit, ${sums} FROM entry CROSS JOIN LATERAL (
  SELECT bool_or(${isShown.join(' AND ')}) AS is_in FROM ${shownTable(shown, parameters)}) AS covered
WHERE covered.is_in GROUP BY part, unit`;
  });
}

/** Everything that passes the filters. Columns: 1; the part; the unit; the sums. */
export function sumAll(query: UsageQuery, spans: UsageSpans): UsageStatement {
  return statement(
    { query: { ...query, groupBy: [] }, spans },
    () => `SELECT 1, part, unit, ${sums} FROM entry GROUP BY part, unit`,
  );
}

/** Groups that were found before. */
export interface Shown {
  /** Of each group the text of each dimension, as it is stored. */
  readonly groups: readonly (readonly string[])[];
  /** The names of their subjects, where the source is the sums of these. */
  readonly only?: { readonly onlyNames: readonly string[] } | undefined;
}

function statement(of: EntriesOf, select: (parameters: Parameters) => string): UsageStatement {
  const parameters = createParameters();
  const entries = usageEntries(of, parameters);
  const text = `${entries}\n${select(parameters)}`;
  return { text, values: [...parameters.values], rowMode: 'array' };
}

/** The entries, once for each group that they are in. */
function expanded(groupBy: readonly UsageDimension[]): string {
  const lists = groupBy.flatMap((dimension, at) =>
    overlaps(dimension) ? [` CROSS JOIN LATERAL unnest(entry.k${at + 1}) AS e${at + 1}(key)`] : [],
  );
  return `entry${lists.join('')}`;
}

function keysOf(groupBy: readonly UsageDimension[]): string[] {
  return groupBy.map((dimension, at) =>
    overlaps(dimension) ? `e${at + 1}.key` : `entry.k${at + 1}`,
  );
}

function shownTable({ groups }: Shown, parameters: Parameters): string {
  const width = groups[0]?.length ?? 0;
  const columns = Array.from({ length: width }, (_, at) =>
    parameters.add(
      groups.map((group) => group[at]),
      'text[]',
    ),
  );
  const names = columns.map((_, at) => `h${at + 1}`);
  return `unnest(${columns.join(', ')}) WITH ORDINALITY AS h(${[...names, 'n'].join(', ')})`;
}
