import type { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectLane } from '../../../src/db/lane-client.ts';
import { fly, flyBoth } from '../../../src/db/wire/flight.ts';
import { prepareLane } from '../../../src/ledger/lane/statements.ts';
import { createTestDatabase } from '../../support/database.ts';
import type { TestDatabase } from '../../support/database.ts';

let database: TestDatabase;
let client: Client;

beforeAll(async () => {
  database = await createTestDatabase();
  client = await connectLane({
    connectionString: database.url,
    statementTimeoutMs: 20_000,
    connectTimeoutMs: 20_000,
  });
  // The planner knows the tables as they are on the first day: empty.
  await database.pool.query('ANALYZE call, meter, org');
  await prepareLane(client, { perOrganization: false, lockTimeoutMs: 0 });
});

afterAll(async () => {
  await client.end();
  await database.drop();
});

/*
 * Planted once, and seen red: a lane without its planning settings. The planner then takes the whole of `call`
 * for each batch, for as long as no ANALYZE has told it that the table has grown.
 */
test('no statement of a batch reads a table from end to end, whatever the planner believes', async () => {
  const { rows: prepared } = await client.query<{ name: string; count: number }>(
    'SELECT name, cardinality(parameter_types) AS count FROM pg_prepared_statements WHERE from_sql',
  );
  const scans: string[] = [];
  for (const { name, count } of prepared) {
    const nulls = Array.from({ length: count }, () => 'NULL').join(', ');
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(
      `EXPLAIN EXECUTE "${name}"(${nulls})`,
    );
    for (const { 'QUERY PLAN': line } of rows) {
      if (/Seq Scan|Hash Join|Merge/.test(line)) scans.push(`${name}: ${line}`);
    }
  }
  expect(prepared.map(({ name }) => name)).toContain('read-calls');
  expect(scans).toEqual([]);
});

test('a flight answers each of its statements, in order and as texts', async () => {
  const answers = await fly(client, [
    { text: 'SELECT 1, NULL, $1::text', values: ['é'] },
    { text: 'SELECT generate_series(1, 2)', values: [] },
    { text: 'SELECT 1 WHERE false', values: [] },
  ]);
  expect(answers).toEqual([[['1', null, 'é']], [['1'], ['2']], []]);
});

test('of two flights the second is run whatever becomes of the first, and the next finds the connection free', async () => {
  const both = flyBoth(
    client,
    [
      { text: 'BEGIN', values: [] },
      { text: 'CREATE TEMPORARY TABLE seen (at int)', values: [] },
      { text: 'SELECT 1 / $1::int', values: ['0'] },
      { text: 'INSERT INTO seen VALUES (1)', values: [] },
    ],
    [{ text: 'COMMIT', values: [] }],
  );
  const next = fly(client, [{ text: `SELECT to_regclass('seen'), 'next'`, values: [] }]);
  await expect(both).rejects.toMatchObject({ code: '22012' });
  expect(await next).toEqual([[[null, 'next']]]);
  const answers = flyBoth(
    client,
    [{ text: 'SELECT 1', values: [] }],
    [{ text: 'SELECT 2', values: [] }],
  );
  expect(await answers).toEqual([[['2']]]);
});
