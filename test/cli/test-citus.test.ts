import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { test as play } from '../../src/cli/test.ts';
import { prepareCitus } from '../../src/db/prepare-citus.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';
import { citusCalls, pretendCitus } from '../support/pretend-citus.ts';

const folder = join(import.meta.dirname, '../scenarios');

let database: TestDatabase;
let err: string;

beforeEach(async () => {
  database = await createTestDatabase();
  err = '';
});

afterEach(() => database.drop());

function run(databaseUrl: string | undefined): Promise<number> {
  const output = { out: () => undefined, err: (text: string) => void (err += text) };
  return play([folder, '--citus'], databaseUrl, output);
}

/* Planted, seen red: the tables are not distributed. */
test('a database for scenarios gets the extension, and its tables are distributed', async () => {
  await pretendCitus(database.pool);
  await prepareCitus(database.url);
  expect((await citusCalls(database.pool))[0]).toBe('org by org_id with none');
});

/* Planted, seen red: the database is left when the extension cannot be created. */
test('a server without the extension is refused, and no database is left there', async () => {
  const role = `citus_${randomBytes(4).toString('hex')}`;
  await database.pool.query(`CREATE ROLE ${role} LOGIN CREATEDB PASSWORD 'own'`);
  const url = new URL(database.url);
  [url.username, url.password] = [role, 'own'];
  expect(await run(url.href)).toBe(2);
  expect(err).toMatch(/tollgate test: .*extension "citus" is not available/);
  // A role that still owned a database could not be dropped.
  await database.pool.query(`DROP ROLE ${role}`);
});

test('an embedded database cannot be distributed', async () => {
  expect(await run(undefined)).toBe(2);
  expect(err).toBe('tollgate test: --citus needs DATABASE_URL\n');
});
