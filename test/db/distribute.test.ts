import { afterEach, beforeEach, expect, test } from 'vitest';
import { distribute } from '../../src/db/distribute.ts';
import { migrate } from '../../src/db/migrate.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';
import { citusCalls, pretendCitus } from '../support/pretend-citus.ts';

let database: TestDatabase;

beforeEach(async () => {
  database = await createTestDatabase();
});

afterEach(() => database.drop());

/* Red where `account_secret` is taken off the list of placements. */
test('every table has a place, org first, and each is moved once', async () => {
  await pretendCitus(database.pool);
  const moved = await distribute(database.pool);
  const calls = await citusCalls(database.pool);
  expect(calls[0]).toBe('org by org_id with none');
  expect(calls).toContain('credential_secret by sha256 with none');
  expect(calls).toContain('account_secret everywhere');
  for (const table of [
    'record',
    'policy_revision',
    'meter',
    'call',
    'usage',
    'enforcement_event',
  ]) {
    expect(calls).toContain(`${table} by org_id with org`);
  }
  const { rows } = await database.pool.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace
  AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY 1`,
  );
  const stay = ['sweep_lease', 'tollgate_migration'];
  expect([...moved, ...stay].toSorted()).toEqual(rows.map(({ name }) => name).toSorted());
  expect(await distribute(database.pool)).toEqual([]);
});

test('a table that a later migration made is moved when it is asked again', async () => {
  await pretendCitus(database.pool);
  await distribute(database.pool);
  await database.pool.query('CREATE TABLE later (org_id text, id text, PRIMARY KEY (org_id, id))');
  expect(await distribute(database.pool)).toEqual(['later']);
});

test('a table that has no place stops before anything is moved', async () => {
  await pretendCitus(database.pool);
  await database.pool.query('CREATE TABLE elsewhere (id text PRIMARY KEY)');
  await expect(distribute(database.pool)).rejects.toThrow('to keep the table elsewhere');
  expect(await citusCalls(database.pool)).toEqual([]);
});

test('a database without the extension is not distributed', async () => {
  await expect(distribute(database.pool)).rejects.toThrow('the database has no extension citus');
});

/* Red without the look at the group in `migrate` and `distribute`. */
test('a worker is neither migrated nor distributed', async () => {
  await pretendCitus(database.pool, 1);
  await expect(migrate(database.url)).rejects.toThrow('expected its coordinator');
  await expect(distribute(database.pool)).rejects.toThrow('expected its coordinator');
});
