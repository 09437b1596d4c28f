import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { chooseBatch } from '../../src/app/batch-mode.ts';
import { distribute } from '../../src/db/distribute.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';
import { pretendCitus } from '../support/pretend-citus.ts';
import { testSettings } from '../support/test-app.ts';

let database: TestDatabase;

beforeEach(async () => {
  database = await createTestDatabase();
});

afterEach(() => database.drop());

function choose(batch: string, log = { info: vi.fn(), warn: vi.fn() }) {
  return chooseBatch(testSettings(database.url, { TOLLGATE_BATCH: batch }), database.pool, log);
}

test('batches are mixed in a plain PostgreSQL, unless the settings want them of one organization', async () => {
  await expect(choose('auto')).resolves.toMatchObject({ batch: 'mixed' });
  await expect(choose('per-org')).resolves.toMatchObject({ batch: 'per-org' });
});

/* Red without the look at `pg_extension`: it chose mixed. */
test('batches are of one organization where the extension is found, and no other may be wanted', async () => {
  await pretendCitus(database.pool);
  await expect(choose('auto')).resolves.toMatchObject({ batch: 'per-org' });
  await expect(choose('mixed')).rejects.toThrow('TOLLGATE_BATCH is "mixed"');
});

test('tables that are not distributed are warned of', async () => {
  await pretendCitus(database.pool);
  const log = { info: vi.fn(), warn: vi.fn() };
  await choose('auto', log);
  expect(log.warn).toHaveBeenCalledOnce();
  await distribute(database.pool);
  await choose('auto', log);
  expect(log.warn).toHaveBeenCalledOnce();
});

test('a worker is refused at the start', async () => {
  await pretendCitus(database.pool, 2);
  await expect(choose('auto')).rejects.toThrow('expected its coordinator');
});
