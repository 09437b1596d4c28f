import type { ClientBase } from 'pg';
import { decodeId } from '../../core/subject.ts';
import { addUnits, noUnits, unitsOf } from '../../core/units.ts';
import type {
  UsageAnswer,
  UsageQuery,
  UsageSeries,
  UsageSums,
} from '../../service/admin/usage-queries.ts';
import { rankGroups, sumAll, sumCovered, sumGroups } from '../sql/query-usage.ts';
import type { Shown, UsageStatement } from '../sql/query-usage.ts';
import type { UsageSpans } from '../sql/usage-entries.ts';
import { isOfTarget, namePrefix, overlaps, sourceOf } from '../sql/usage-source.ts';
import { readUsageSpans } from './usage-spans.ts';

/** Reads the sums that a query asks for. In a transaction that sees one instant. */
export async function queryUsage(
  client: Pick<ClientBase, 'query'>,
  query: UsageQuery,
): Promise<UsageAnswer> {
  const spans = await readUsageSpans(client, query);
  const read = (statement: UsageStatement): Promise<SeriesOf> => readSeries(client, statement);
  const total = (await read(sumAll(query, spans))).get(1) ?? empty;
  if (query.groupBy.length === 0) return { total, series: [], rest: undefined };
  const { rows } = await client.query<string[]>(rankGroups(query, spans));
  const groups = rows.slice(0, query.seriesCount);
  const shown = { groups, only: onlyNames(query, groups) };
  const found = groups.length === 0 ? new Map() : await read(sumGroups(query, spans, shown));
  const series = groups.map((group, at) => ({
    ...(found.get(at + 1) ?? empty),
    group: group.map((text, column) => groupName(query, text, column)),
  }));
  if (rows.length <= groups.length) return { total, series, rest: undefined };
  return { total, series, rest: await restOf(total, series, { query, spans, shown, read }) };
}

type SeriesOf = ReadonlyMap<number, UsageSeries>;

const noSums: UsageSums = { cost: 0n, input: 0n, output: 0n, requests: 0n, units: noUnits };
const empty: UsageSeries = { group: [], total: noSums, points: new Map() };

/** A dimension of the target is stored as it is, a subject encoded. */
function groupName({ groupBy }: UsageQuery, text: string, column: number): string {
  const dimension = groupBy[column];
  return dimension === undefined || isOfTarget(dimension) ? text : decodeId(text);
}

/** The names of the subjects of the groups, where only these need be read. */
function onlyNames(query: UsageQuery, groups: readonly (readonly string[])[]): Shown['only'] {
  const { groupBy, filters } = query;
  const source = sourceOf([...groupBy, ...filters.map(({ dimension }) => dimension)]);
  const column = groupBy.findIndex((dimension) => !isOfTarget(dimension));
  const dimension = groupBy[column];
  if (source.of !== 'subjects' || dimension === undefined) return undefined;
  const names = groups.map((group) => `${namePrefix(dimension)}${group[column] ?? ''}`);
  return { onlyNames: [...new Set(names)] };
}

interface RestParts {
  readonly query: UsageQuery;
  readonly spans: UsageSpans;
  readonly shown: Shown;
  readonly read: (statement: UsageStatement) => Promise<SeriesOf>;
}

/** The total less what is in the groups; a call that is in several of them counts once. */
async function restOf(
  total: UsageSeries,
  series: readonly UsageSeries[],
  { query, spans, shown, read }: RestParts,
): Promise<UsageSeries> {
  if (!query.groupBy.some(overlaps)) return series.reduce((left, one) => less(left, one), total);
  const covered = (await read(sumCovered(query, spans, shown))).get(1);
  return less(total, covered ?? empty);
}

function less(a: UsageSeries, b: UsageSeries): UsageSeries {
  const points = new Map(a.points);
  for (const [at, sums] of b.points) points.set(at, plus(points.get(at) ?? noSums, sums, -1n));
  for (const [at, sums] of points) if (isNothing(sums)) points.delete(at);
  return { group: [], total: plus(a.total, b.total, -1n), points };
}

function plus(a: UsageSums, b: UsageSums, sign: 1n | -1n = 1n): UsageSums {
  return {
    cost: a.cost + sign * b.cost,
    input: a.input + sign * b.input,
    output: a.output + sign * b.output,
    requests: a.requests + sign * b.requests,
    units: addUnits(a.units, b.units, sign),
  };
}

function isNothing({ cost, input, output, requests, units }: UsageSums): boolean {
  return [cost, input, output, requests].every((sum) => sum === 0n) && units.length === 0;
}

type SumRow = [series: number, part: number, unit: string, ...sums: string[]];

async function readSeries(
  client: Pick<ClientBase, 'query'>,
  statement: UsageStatement,
): Promise<SeriesOf> {
  const { rows } = await client.query<SumRow>(statement);
  const found = new Map<number, { group: []; total: UsageSums; points: Map<number, UsageSums> }>();
  for (const [number, part, unit, ...texts] of rows) {
    const series = found.get(number) ?? { group: [], total: noSums, points: new Map() };
    found.set(number, series);
    const [cost = 0n, input = 0n, output = 0n, requests = 0n, count = 0n] = texts.map(BigInt);
    const units = unit === '' ? noUnits : unitsOf([{ name: unit, count }]);
    const sums = { cost, input, output, requests, units };
    series.total = plus(series.total, sums);
    if (!isNothing(sums)) {
      series.points.set(part - 1, plus(series.points.get(part - 1) ?? noSums, sums));
    }
  }
  return found;
}
