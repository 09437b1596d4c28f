import { afterAll, beforeAll, expect, test } from 'vitest';
import { rankGroups, sumAll, sumCovered, sumGroups } from '../../../src/ledger/sql/query-usage.ts';
import { limitCandidates } from '../../../src/ledger/sql/limit-candidates.ts';
import { listTiers } from '../../../src/ledger/sql/list-tiers.ts';
import type { UsageStatement } from '../../../src/ledger/sql/query-usage.ts';
import type { UsageSpans } from '../../../src/ledger/sql/usage-entries.ts';
import type { UsageQuery } from '../../../src/service/admin/usage-queries.ts';
import { createTestDatabase } from '../../support/database.ts';
import type { TestDatabase } from '../../support/database.ts';
import { distributedFaults, tablesOfOrganizations } from '../../support/distributed-rules.ts';

const day = (at: number): string => new Date(Date.UTC(2026, 0, 1 + at)).toISOString();
const target = '00000000-0000-0000-0000-000000000001';
let database: TestDatabase;

/** Ninety days of sums, of a thousand users on paths of their own, and usage of which little is not summed. */
beforeAll(async () => {
  database = await createTestDatabase();
  const { pool } = database;
  const sums = `'${target}', '', 1, 1, 1, 1, 0`;
  const statements = [
    `INSERT INTO usage_target VALUES ('acme', '${target}', '{"name":"m"}', '', '')`,
    `INSERT INTO usage_path SELECT 'acme', '=path:' || u, ARRAY['user:' || u, 'team:' || u % 50] FROM generate_series(1, 1000) u`,
    `INSERT INTO usage_path_of SELECT 'acme', s, path FROM usage_path, unnest(subjects) s`,
    `INSERT INTO usage_daily SELECT 'acme', d, s, ${sums} FROM generate_series(timestamptz '${day(0)}', '${day(89)}', interval '1 day') d,
       (SELECT kind || u AS s FROM generate_series(1, 1000) u, unnest(ARRAY['user:', '=path:']) kind UNION ALL SELECT 'org') s`,
    `INSERT INTO usage_quarter SELECT 'acme', q, s, ${sums} FROM generate_series(timestamptz '${day(87)}', '${day(89)}', interval '15 minutes') q,
       (SELECT 'user:' || u AS s FROM generate_series(1, 300) u UNION ALL SELECT 'org') s`,
    `INSERT INTO usage (org_id, recorded_at, id, request_id, kind, booked_at, subjects, target, facts, cost, input, output,
       reasoning_output, cached_input, cache_write, cache_write_1h, requests, over_hold, late, unpriced)
     SELECT 'acme', timestamptz '${day(80)}' + n * interval '20 seconds', gen_random_uuid(), 'r', 'CALL', 0, '{org}', 'm', '{}',
       1, 1, 1, 0, 0, 0, 0, 1, false, false, false FROM generate_series(1, 40000) n`,
  ];
  statements.push(
    `INSERT INTO threshold_reached SELECT 'org' || o, 'org/each', 'user:' || u, 80, 'DAY', 0, 'e' FROM generate_series(1, 50) o,
       generate_series(1, 500) u`,
    `INSERT INTO enforcement_event (org_id, at, id, last_at, sequence, occurrences, action, request_id, subjects, meter_id)
     SELECT 'org' || n % 50, timestamptz '${day(0)}' + n * interval '1 second', n, timestamptz '${day(0)}' + n * interval '1 second',
       n, 1, 'BLOCKED', 'r', '{org}', 'org' FROM generate_series(1, 20000) n`,
    `INSERT INTO meter (org_id, meter_id) SELECT 'org1', 'user:' || n FROM generate_series(1, 20000) n`,
  );
  for (const statement of statements) await pool.query(statement);
  for (const table of [
    'usage_path',
    'usage_path_of',
    'usage_daily',
    'usage_quarter',
    'usage',
    'threshold_reached',
    'enforcement_event',
    'meter',
  ]) {
    await pool.query(`ANALYZE ${table}`);
  }
}, 60_000);
afterAll(() => database.drop());

const asked: UsageQuery = {
  orgId: 'acme',
  cutsMs: [Date.parse(day(80)), Date.parse(day(82))],
  needsQuarters: false,
  groupBy: [],
  filters: [],
  rankBy: 'COST',
  seriesCount: 10,
  units: [],
};
const spans: UsageSpans = {
  mark: { at: day(89), id: target },
  days: [day(80), day(81)],
  quarters: [],
};

async function planOf({ text, values }: Pick<UsageStatement, 'text' | 'values'>): Promise<string> {
  const { rows } = await database.pool.query<Record<'QUERY PLAN', string>>(
    `EXPLAIN ${text}`,
    values,
  );
  return rows.map((row) => row['QUERY PLAN']).join('\n');
}

/*
 * Red without the index of days by time: all users of two days were then read out of all ninety. Red as well where the
 * days were a span of time instead of a list of instants, for one user.
 */
test('of many days, only those that are asked for are read, by an index', async () => {
  const user = { kind: 'user' } as const;
  const plan = await planOf(rankGroups({ ...asked, groupBy: [user] }, spans));
  expect(plan).toContain('usage_daily_time');
  const only = { onlyNames: ['user:1', 'user:2'] };
  const shown = { groups: [['1'], ['2']], only };
  const one = await planOf(sumGroups({ ...asked, groupBy: [user] }, spans, shown));
  expect(one).toMatch(/usage_daily_(pkey|time)/);
  for (const text of [plan, one]) expect(text).not.toMatch(/Seq Scan on (usage\w*)/);
});

// Red where rows could be found by when they were booked: of a month that is rolled up, that is all of its rows.
test('the organization’s own sums are found by their key, and rows after the mark by theirs', async () => {
  const plan = await planOf(sumAll({ ...asked, groupBy: [{ kind: 'model' }] }, spans));
  expect(plan).toMatch(/usage_daily_(pkey|time)/);
  expect(plan).toContain('usage_rest_pkey');
  expect(plan).not.toMatch(/Seq Scan on usage(_daily|_rest|_path\w*)?\b/);
});

test('one kind of subject filtered by another is found by the combinations that the subject is in', async () => {
  const filters = [{ dimension: { kind: 'team' } as const, values: ['7'] }];
  const query = { ...asked, groupBy: [{ kind: 'user' } as const], filters };
  const plan = await planOf(rankGroups(query, spans));
  expect(plan).toContain('usage_path_of_pkey');
  expect(plan).not.toMatch(/Seq Scan on usage(_daily|_rest|_path_of)?\b/);
});

test('hours are read by the quarters of the days that they cut', async () => {
  const quarters = [[day(88), day(89)]] as const;
  const cutsMs = Array.from({ length: 25 }, (_, at) => Date.parse(day(88)) + at * 3_600_000);
  const plan = await planOf(sumAll({ ...asked, cutsMs }, { ...spans, days: [], quarters }));
  expect(plan).toContain('usage_quarter_rest_pkey');
  expect(plan).not.toMatch(/Seq Scan on usage/);
});

// Red with the groups of a call in correlated subqueries, which a distributed PostgreSQL refuses beside a CTE.
test('all statements of a query can be sent to the node of the organization', async () => {
  const groupBy = [{ kind: 'team' }, { kind: 'user' }, { kind: 'model' }] as const;
  const filters = [{ dimension: { kind: 'label', labelKey: 'f' } as const, values: ['7'] }];
  const query = { ...asked, groupBy, filters, units: ['image'] };
  const read = { ...spans, quarters: [[day(88), day(89)]] as const };
  const shown = { groups: [['red', 'ann', 'm']], only: undefined };
  const client = await database.pool.connect();
  const tables = await tablesOfOrganizations(client);
  for (const { text } of [
    rankGroups(query, read),
    sumGroups(query, read, shown),
    sumCovered(query, read, shown),
    sumAll(query, read),
  ]) {
    expect(await distributedFaults(client, { name: 'query', text }, tables)).toEqual([]);
  }
  client.release();
});

// Red without the organization in the index of windows: those of all organizations that begin together were read.
test('limits that may be near are found by indexes, in an organization of any size', async () => {
  const windows = ['DAY', 'MONTH'];
  const values = ['org7', windows, [0, 0], [], 256];
  const plan = await planOf({ text: limitCandidates.text, values });
  expect(plan).toContain('threshold_reached_start');
  expect(plan).toMatch(/Index Cond: .*org_id = 'org7'/);
  expect(plan).toContain('enforcement_event_rest_org_id_last_at_sequence_idx');
  expect(plan).not.toContain('Seq Scan');
  const tiers = await planOf({ text: listTiers.text, values: ['org1', 'tier:', 101] });
  expect(tiers).not.toMatch(/Seq Scan on meter/);
});
