import type { Pool } from 'pg';
import { encodeId } from '../../src/core/subject.ts';
import type { UsageQuestion } from '../../src/service/admin/query-usage.ts';
import type { UsageDimension } from '../../src/service/admin/usage-queries.ts';
import { insertUsageRows } from './usage-rows.ts';

/** A call as a table of a spreadsheet would have it: a column for each thing that usage is grouped by. */
export interface PlainCall {
  readonly bookedMs: number;
  readonly recordedMs: number;
  readonly user: string;
  readonly teams: readonly string[];
  readonly keys: readonly string[];
  readonly app: string;
  readonly feature: string;
  readonly model: string;
  readonly cost: bigint;
  readonly images: number;
}

/** Sums of one group, or of all, by the name of a point. */
export type PlainSums = Readonly<Record<string, string>>;

/** Puts calls of `acme` into the ledger, and into a table without sums that plain SQL can read. */
export async function insertPlainCalls(pool: Pool, calls: readonly PlainCall[]): Promise<void> {
  await insertUsageRows(
    pool,
    calls.map((call) => ({
      orgId: 'acme',
      bookedAt: new Date(call.bookedMs).toISOString(),
      recordedAt: new Date(call.recordedMs).toISOString(),
      subjects: subjectsOf(call),
      target: call.model,
      cost: call.cost,
      ...(call.images !== 0 && { units: { image: call.images, search: 1 } }),
    })),
  );
  await pool.query(`CREATE TABLE IF NOT EXISTS plain (booked timestamptz, usr text, teams text[], keys text[], app text,
  feature text, model text, provider text, service_tier text, cost numeric, images numeric)`);
  await pool.query(
    `INSERT INTO plain SELECT to_timestamp(b / 1000.0), u, string_to_array(t, ','), string_to_array(k, ','), a, f, m,
  CASE WHEN c % 3 = 0 THEN 'azure' ELSE '' END, CASE WHEN c % 2 = 0 THEN 'flex' ELSE '' END, c, i
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::int[])
  AS x(b, u, t, k, a, f, m, c, i)`,
    [
      calls.map(({ bookedMs }) => bookedMs),
      calls.map(({ user }) => user),
      calls.map(({ teams }) => teams.join(',')),
      calls.map(({ keys }) => keys.join(',')),
      calls.map(({ app }) => app),
      calls.map(({ feature }) => feature),
      calls.map(({ model }) => model),
      calls.map(({ cost }) => cost),
      calls.map(({ images }) => images),
    ],
  );
}

function subjectsOf({ user, teams, keys, app, feature }: PlainCall): string[] {
  const one = (kind: string, id: string): string[] =>
    id === '' ? [] : [`${kind}:${encodeId(id)}`];
  return [
    ...keys.map((key) => `key:${key}`),
    ...one('user', user),
    ...one('app', app),
    ...one('label', feature === '' ? '' : `feature=${feature}`),
    'label:env=prod',
    ...teams.map((team) => `team:${team}`),
    'org',
    ...(user === '' ? [] : teams.map((team) => `team:${team}/user:${encodeId(user)}`)),
  ];
}

const columns: Readonly<Record<string, string>> = {
  user: 'usr',
  team: 'teams',
  key: 'keys',
  app: 'app',
  label: 'feature',
  model: 'model',
  provider: 'provider',
  service_tier: 'service_tier',
};

function isList({ kind }: UsageDimension): boolean {
  return kind === 'team' || kind === 'key';
}

/** SQL of the column of a dimension, each call once for each of its groups; a filter on the same dimension selects groups. */
function expanded({ groupBy, filters }: UsageQuestion): { from: string; keys: string[] } {
  const keys = groupBy.map((by, at) => (isList(by) ? `g${at}.key` : (columns[by.kind] ?? '')));
  const joins = groupBy.flatMap((by, at) => {
    if (!isList(by)) return [];
    const same = filters.find(({ dimension }) => dimension.kind === by.kind);
    const isOurs =
      same === undefined ? '' : ` WHERE key IN (${same.values.map(quoted).join(', ')})`;
    const list = `SELECT key FROM unnest(CASE WHEN ${columns[by.kind]} = '{}' THEN ARRAY[''] ELSE ${columns[by.kind]} END) AS key`;
    return [` CROSS JOIN LATERAL (${list}${isOurs}) AS g${at}`];
  });
  return { from: `plain${joins.join('')}`, keys };
}

function quoted(text: string): string {
  return `'${text}'`;
}

function isMeant({ filters, fromMs, toMs }: UsageQuestion): string {
  const inTime = `booked >= to_timestamp(${fromMs / 1000}) AND booked < to_timestamp(${toMs / 1000})`;
  return [
    inTime,
    ...filters.map(({ dimension, values }) => {
      const list = `ARRAY[${values.map(quoted).join(', ')}]`;
      const column = columns[dimension.kind] ?? '';
      return isList(dimension) ? `${column} && ${list}` : `${column} = ANY(${list})`;
    }),
  ].join(' AND ');
}

const sums =
  "sum(cost) || '/' || sum(2 * cost) || '/' || sum(3 * cost) || '/' || count(*) || '/' || sum(images)";

/** The largest groups by cost, with their costs: those that are equal may come in any order. */
export async function plainRanking(pool: Pool, question: UsageQuestion): Promise<string[][]> {
  const { from, keys } = expanded(question);
  const list = keys.join(', ');
  const { rows } = await pool.query<string[]>({
    text: `SELECT ${list} FROM ${from} WHERE ${isMeant(question)} GROUP BY ${list}
ORDER BY sum(cost) DESC, ${keys.map((key) => `${key} COLLATE "C"`).join(', ')}`,
    rowMode: 'array',
  });
  return rows;
}

/** The sums of one group by point; `label` is SQL of the name of the point that `booked` is in. */
export function plainGroup(
  pool: Pool,
  question: UsageQuestion,
  group: readonly string[],
  label: string,
): Promise<PlainSums> {
  const { from, keys } = expanded(question);
  const isGroup = keys.map((key, at) => `${key} = ${quoted(group[at] ?? '')}`);
  return pointsOf(pool, from, [isMeant(question), ...isGroup], label);
}

/** The sums of the calls that are in none of some groups. */
export function plainRest(
  pool: Pool,
  question: UsageQuestion,
  groups: readonly (readonly string[])[],
  label: string,
): Promise<PlainSums> {
  const isNone = groups.map((group) => {
    const isIn = question.groupBy.map((by, at) => {
      const column = columns[by.kind] ?? '';
      const value = quoted(group[at] ?? '');
      if (!isList(by)) return `${column} = ${value}`;
      return `(${value} = ANY(${column}) OR (${value} = '' AND ${column} = '{}'))`;
    });
    return `NOT (${isIn.join(' AND ')})`;
  });
  return pointsOf(pool, 'plain', [isMeant(question), ...isNone], label);
}

async function pointsOf(
  pool: Pool,
  from: string,
  conditions: readonly string[],
  label: string,
): Promise<PlainSums> {
  const { rows } = await pool.query<{ point: string; sums: string }>(
    `SELECT ${label} AS point, ${sums} AS sums FROM ${from} WHERE ${conditions.join(' AND ')} GROUP BY 1`,
  );
  return Object.fromEntries(rows.map(({ point, sums: found }) => [point, found]));
}
