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

// Seen red: status 1.
test('a setting that the database shows to be wrong ends the start with status 2', async () => {
  await pretendCitus(database.pool);
  const { said, ended } = runCommand(['serve'], {
    DATABASE_URL: database.url,
    TOLLGATE_BATCH: 'mixed',
    TOLLGATE_DATA_LISTEN: '127.0.0.1:0',
    TOLLGATE_ADMIN_LISTEN: '127.0.0.1:0',
  });
  expect(await ended).toBe(2);
  expect(said.err).toContain('TOLLGATE_BATCH is "mixed"');
});
