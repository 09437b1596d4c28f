import type { UsageQuery } from '../../service/admin/usage-queries.ts';
import {
  isOfTarget,
  namePrefix,
  namesOf,
  overlaps,
  sourceOf,
  spanOf,
  spanOfSets,
} from './usage-source.ts';
import type { UsageSource } from './usage-source.ts';

/** What of the record lies in the time of a query. */
export interface UsageSpans {
  /** The organization's mark: rows after it count one by one. */
  readonly mark: { readonly at: string; readonly id: string };
  /** The starts of the days that are read as one sum. */
  readonly days: readonly string[];
  /** The spans that are read by quarters. */
  readonly quarters: readonly (readonly [from: string, to: string])[];
}

/** Collects the values of a statement. */
export interface Parameters {
  readonly values: readonly unknown[];
  /** Adds a value; the answer stands for it in the text. */
  add(value: unknown, type: string): string;
}

/** Starts without values. */
export function createParameters(): Parameters {
  const values: unknown[] = [];
  return {
    values,
    add: (value, type) => `$${values.push(value)}::${type}`,
  };
}

const sums = ['cost', 'input', 'output', 'requests', 'unit_count'];

/** What entries are made for. */
export interface EntriesOf {
  readonly query: Omit<UsageQuery, 'needsQuarters' | 'seriesCount' | 'rankBy'>;
  readonly spans: UsageSpans;
  /** Only the groups of this one dimension, where the source is its subjects. */
  readonly onlyNames?: readonly string[];
}

/**
 * The common table expressions up to `entry`: a row for each sum and each single row that a query counts, with the part
 * of time that it is in (`part`, 1 for the first point), a `unit` as in the sums, and a column for each dimension
 * (`k1`, …): a text, or an array of texts where a call may be in several groups. Empty texts stand for calls that have none.
 *
 * One kind of subject is read from the sums of its subjects; several from those of the combinations of subjects, which are
 * never more than the calls. Each source counts a call once, so that what is filtered and summed is exact. In one
 * transaction with what was read of the mark and the days.
 */
export function usageEntries(of: EntriesOf, parameters: Parameters): string {
  const { query, spans } = of;
  const dimensions = [...query.groupBy, ...query.filters.map(({ dimension }) => dimension)];
  const source = sourceOf(dimensions);
  const parts = { ...of, source, orgId: parameters.add(query.orgId, 'text'), parameters };
  const cuts = query.cutsMs.map((at) => new Date(at).toISOString());
  const sumsOf = (table: string, isInTime: string): string => `
  SELECT ${[...keysOfSums(parts), partOf('s.starts_at', cuts, 'timestamptz[]', parameters), 's.unit', ...sums.map((sum) => `s.${sum}`)].join(', ')}
  FROM ${fromSums(parts, table)} JOIN target t ON t.target = s.target
  WHERE s.org_id = ${parts.orgId} AND ${isInTime} AND ${isOurSum(parts)}
    AND s.unit = ANY(${parameters.add(['', ...query.units], 'text[]')})`;
  const entries = [singleRows(parts)];
  if (query.units.length > 0) entries.push(unitsOfSingleRows(parts));
  if (spans.days.length > 0) {
    const days = parameters.add(spans.days, 'timestamptz[]');
    entries.push(sumsOf('usage_daily', `s.starts_at = ANY(${days})`));
  }
  if (spans.quarters.length > 0) {
    const isBetween = ([from, to]: readonly [unknown, unknown]): string => {
      const [after, before] = [from, to].map((at) => parameters.add(at, 'timestamptz'));
      return `s.starts_at >= ${after} AND s.starts_at < ${before}`;
    };
    const isInRange = isBetween([cuts[0], cuts.at(-1)]);
    const isInDay = spans.quarters.map(isBetween).join(' OR ');
    entries.push(sumsOf('usage_quarter', `${isInRange} AND (${isInDay})`));
  }
  return `WITH target AS MATERIALIZED (${targets(parts)}
)${source.of === 'sets' ? `, set AS MATERIALIZED (${sets(parts, source)})` : ''}, entry(${[...query.groupBy.map((_, at) => `k${at + 1}`), 'part', 'unit', ...sums].join(', ')}) AS (${entries.join('\n  UNION ALL')}
)`;
}

interface Parts extends EntriesOf {
  readonly source: UsageSource;
  /** SQL of the organization's id. */
  readonly orgId: string;
  readonly parameters: Parameters;
}

const model = (facts: string): string => `${facts}::jsonb ->> 'name'`;
/** What a reset took from a meter was used all the same. */
const isUsed = (facts: string): string =>
  `${facts}::jsonb -> 'only' ->> 'kind' IS DISTINCT FROM 'RESET'`;

/** What the sums name as their target, as far as the filters let it pass. */
function targets({ query, orgId, parameters }: Parts): string {
  const conditions = targetFilters(query, parameters, {
    model: model('facts'),
    provider: 'provider',
    service_tier: 'service_tier',
  });
  return `
  SELECT target, ${model('facts')} AS model, provider, service_tier FROM usage_target
  WHERE ${[`org_id = ${orgId}`, isUsed('facts'), ...conditions].join(' AND ')}`;
}

type TargetColumns = Readonly<Record<'model' | 'provider' | 'service_tier', string>>;

function targetFilters(
  { filters }: EntriesOf['query'],
  parameters: Parameters,
  columns: TargetColumns,
): string[] {
  return filters
    .filter(({ dimension }) => isOfTarget(dimension))
    .map(({ dimension, values }) => {
      const column = columns[dimension.kind as keyof TargetColumns];
      return `${column} = ANY(${parameters.add(values, 'text[]')})`;
    });
}

function subjectFilters({ query }: Parts) {
  return query.filters.filter(({ dimension }) => !isOfTarget(dimension));
}

/** The combinations of subjects that the filters let pass, with the groups that each is in. */
function sets(parts: Parts, { kind }: UsageSource & { readonly of: 'sets' }): string {
  const { orgId, parameters } = parts;
  const [from, to] = spanOfSets(kind).map((name) => parameters.add(name, 'text'));
  const filters = subjectFilters(parts).map(
    (filter) => `p.path IN (SELECT o.path FROM usage_path_of o WHERE o.org_id = ${orgId}
      AND o.subject = ANY(${parameters.add(namesOf(filter), 'text[]')}) AND o.path >= ${from} AND o.path < ${to})`,
  );
  const isOurs = [`p.org_id = ${orgId}`, `p.path >= ${from} AND p.path < ${to}`, ...filters];
  const { join, columns } = groupsOf(parts, 'p.subjects');
  return `
  SELECT ${['p.path', ...columns].join(', ')} FROM usage_path p ${join} WHERE ${isOurs.join(' AND ')}`;
}

/**
 * SQL of the groups that the names of a call's subjects are in: columns of a join, one for each dimension of subjects. A
 * text, or an array of texts where there may be several.
 */
function groupsOf(
  { query, parameters }: Parts,
  subjects: string,
): { readonly join: string; readonly columns: readonly string[] } {
  const columns: string[] = [];
  const keys = query.groupBy.flatMap((dimension, at) => {
    if (isOfTarget(dimension)) return [];
    const prefix = namePrefix(dimension);
    const begins = parameters.add(prefix, 'text');
    const isOne = [`starts_with(x, ${begins})`, "strpos(x, '/') = 0"];
    const filter = query.filters.find((one) => namePrefix(one.dimension) === prefix);
    if (filter !== undefined) isOne.push(`x = ANY(${parameters.add(namesOf(filter), 'text[]')})`);
    const [all, none] = overlaps(dimension) ? ['array_agg', "ARRAY['']"] : ['min', "''"];
    columns.push(`g.k${at + 1}`);
    const found = `${all}(substr(x, length(${begins}) + 1)) FILTER (WHERE ${isOne.join(' AND ')})`;
    return [`coalesce(${found}, ${none}) AS k${at + 1}`];
  });
  if (keys.length === 0) return { join: '', columns };
  return {
    join: `CROSS JOIN LATERAL (SELECT ${keys.join(', ')} FROM unnest(${subjects}) AS x) AS g`,
    columns,
  };
}

/** The columns of the groups, of the rows of sums. */
function keysOfSums({ query, source }: Parts): string[] {
  return query.groupBy.map((dimension, at) => {
    const name = `k${at + 1}`;
    if (isOfTarget(dimension)) return `t.${dimension.kind} AS ${name}`;
    if (source.of === 'sets') return `p.${name}`;
    return `substr(s.subject, ${namePrefix(dimension).length + 1}) AS ${name}`;
  });
}

function fromSums({ source, orgId }: Parts, table: string): string {
  if (source.of !== 'sets') return `${table} s`;
  return `set p JOIN ${table} s ON s.org_id = ${orgId} AND s.subject = p.path`;
}

/** Which subjects' sums are read. */
function isOurSum(parts: Parts): string {
  const { source, parameters, onlyNames } = parts;
  const isBetween = ([from, to]: readonly [string, string]): string =>
    `s.subject >= ${parameters.add(from, 'text')} AND s.subject < ${parameters.add(to, 'text')}`;
  switch (source.of) {
    case 'organization':
      return "s.subject = 'org'";
    case 'sets':
      return isBetween(spanOfSets(source.kind));
    case 'subjects': {
      const [filter] = subjectFilters(parts);
      const names = onlyNames ?? (filter && namesOf(filter));
      if (names === undefined) return isBetween(spanOf(`${source.kind}:`));
      return `s.subject = ANY(${parameters.add(names, 'text[]')})`;
    }
  }
}

/** The rows after the mark. */
function singleRows(parts: Parts): string {
  const counted = ["''", 'u.cost', 'u.input', 'u.output', 'u.requests', '0'];
  return `${rowsOf(parts, counted, '')} WHERE ${isOurRow(parts)}`;
}

function unitsOfSingleRows(parts: Parts): string {
  const counted = ['e.key', '0', '0', '0', '0', 'e.value::numeric'];
  const units = parts.parameters.add(parts.query.units, 'text[]');
  const each = 'CROSS JOIN LATERAL jsonb_each_text(u.units) AS e';
  return `${rowsOf(parts, counted, each)}
  WHERE u.units IS NOT NULL AND e.key = ANY(${units}) AND ${isOurRow(parts)}`;
}

function rowsOf(parts: Parts, counted: readonly string[], more: string): string {
  const { join } = groupsOf(parts, 'u.subjects');
  const columns = [...keysOfRows(parts), partOfRow(parts.query, parts.parameters), ...counted];
  return `
  SELECT ${columns.join(', ')} FROM usage u ${join} ${more}`;
}

function partOf(
  at: string,
  cuts: readonly unknown[],
  type: string,
  parameters: Parameters,
): string {
  return `width_bucket(${at}, ${parameters.add(cuts, type)}) AS part`;
}

function partOfRow({ cutsMs }: EntriesOf['query'], parameters: Parameters): string {
  return partOf('u.booked_at', cutsMs, 'bigint[]', parameters);
}

const rowColumns: TargetColumns = {
  model: model('u.facts'),
  provider: "coalesce(u.provider, '')",
  service_tier: "coalesce(u.service_tier, '')",
};

function keysOfRows({ query }: Parts): string[] {
  return query.groupBy.map((dimension, at) =>
    isOfTarget(dimension) ? rowColumns[dimension.kind as keyof TargetColumns] : `g.k${at + 1}`,
  );
}

function isOurRow(parts: Parts): string {
  const { query, orgId, spans, parameters } = parts;
  const at = parameters.add(spans.mark.at, 'timestamptz');
  const id = parameters.add(spans.mark.id, 'uuid');
  const [from, to] = [query.cutsMs[0], query.cutsMs.at(-1)].map((ms) =>
    parameters.add(ms, 'bigint'),
  );
  return [
    `u.org_id = ${orgId} AND u.recorded_at >= ${at} AND (u.recorded_at, u.id) > (${at}, ${id})`,
    // Not by the index of booked_at: it may find a month of rows where few are after the mark.
    `u.booked_at + 0 >= ${from} AND u.booked_at + 0 < ${to}`,
    ...subjectFilters(parts).map(
      (filter) => `u.subjects && ${parameters.add(namesOf(filter), 'text[]')}`,
    ),
    isUsed('u.facts'),
    ...targetFilters(query, parameters, rowColumns),
  ].join(' AND ');
}
