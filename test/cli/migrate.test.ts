import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';
import { pretendCitus } from '../support/pretend-citus.ts';
import { runCommand } from '../support/run-command.ts';

let database: TestDatabase;

beforeEach(async () => {
  database = await createTestDatabase();
});

afterEach(() => database.drop());

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const { said, ended } = runCommand(['migrate', ...args], { DATABASE_URL: database.url });
  const code = await ended;
  return { code, ...said };
}

test('the schema is brought up to date, and nothing is distributed unless that is asked', async () => {
  expect(await run()).toEqual({ code: 0, out: '0 migrations run\n', err: '' });
});

test('tables are distributed once, and only in a database that can', async () => {
  const without = await run('--distribute');
  expect(without).toMatchObject({ code: 1, err: expect.stringContaining('no extension citus') });
  await pretendCitus(database.pool);
  const first = await run('--distribute');
  expect(first).toMatchObject({
    code: 0,
    out: expect.stringContaining('tables distributed: org '),
  });
  expect((await run('--distribute')).out).toContain('0 tables distributed: none');
});

test('an unknown option is refused', async () => {
  expect(await run('--spread')).toMatchObject({ code: 2 });
});
