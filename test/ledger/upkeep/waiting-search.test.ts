import type { Pool } from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { waitingOrganizations } from '../../../src/ledger/sql/roll-up.ts';
import type { RollUpOptions } from '../../../src/ledger/upkeep/roll-up.ts';
import { createTestDatabase } from '../../support/database.ts';
import type { TestDatabase } from '../../support/database.ts';
import { anyChange, plainOrganization, policyStoreOf } from '../../support/organization.ts';
import { makePartitions, rollUpAt, usageRow } from '../../support/roll-up.ts';
import { insertUsageRows, lifetimeOf } from '../../support/usage-rows.ts';

/* Seen red with older partitions that are never searched, with those of every day searched by every pass, with a
 * quarter that is rolled up at its end, and with crowded organizations that are not seen. */
const nowMs = Date.parse('2026-03-10T09:00:00Z');
const orgIds = ['acme', 'beta', 'quiet'] as const;
let database: TestDatabase;
let pool: Pool;

beforeEach(async () => {
  database = await createTestDatabase();
  pool = database.pool;
  const store = policyStoreOf(pool, () => nowMs);
  for (const id of orgIds) await store.createOrganization(plainOrganization(id), anyChange);
});

afterEach(() => database.drop());

const rollUpOf = (more: Partial<RollUpOptions> = {}): ReturnType<typeof rollUpAt> =>
  rollUpAt(pool, nowMs, more);

test('a quarter is left alone until a minute after its end, unless too many rows wait in it', async () => {
  await makePartitions(pool, '2026-03-08');
  await insertUsageRows(
    pool,
    [0, 1, 2].map((minute) => usageRow(`2026-03-10T08:4${minute + 4}:30Z`)),
  );
  const at = (time: string, mostWaitingRows?: number): ReturnType<typeof rollUpAt> => {
    const ofMs = Date.parse(`2026-03-10T${time}Z`);
    return rollUpOf({
      nowMs: () => ofMs,
      ...(mostWaitingRows === undefined ? {} : { mostWaitingRows }),
    });
  };
  expect(await at('08:45:59')()).toMatchObject({ waiting: 0, rows: 0 });
  expect(await at('08:46:01')()).toMatchObject({ waiting: 0, rows: 1 });
  expect(await at('08:47:00', 2)()).toMatchObject({ waiting: 0, rows: 0 });
  expect(await at('08:47:00', 1)()).toMatchObject({ waiting: 0, rows: 2 });
  expect(await lifetimeOf(pool, 'acme', 'org')).toBe('21/42/63/3');
});

test('what an old partition holds is found once a day, what is recorded now with every pass', async () => {
  await makePartitions(pool, '2026-03-07');
  const rollUp = rollUpOf();
  expect(await rollUp()).toMatchObject({ rows: 0 });
  await insertUsageRows(pool, [usageRow('2026-03-07T10:00:00Z'), usageRow('2026-03-07T10:00:01Z')]);
  expect(await rollUp()).toMatchObject({ waiting: 0, rows: 0 });
  expect(await rollUpOf()()).toMatchObject({ waiting: 0, rows: 2 });
  await insertUsageRows(pool, [usageRow('2026-03-09T10:00:00Z'), usageRow('2026-03-10T08:44:59Z')]);
  expect(await rollUp()).toMatchObject({ waiting: 0, rows: 2 });
});

test('which organizations wait is found by a few pages for each organization, however many rows there are', async () => {
  await makePartitions(pool, '2026-03-09');
  const row = usageRow('2026-03-09T05:00:00Z');
  await insertUsageRows(
    pool,
    Array.from({ length: 20_000 }, () => row),
  );
  await pool.query('VACUUM ANALYZE usage');
  const { text } = waitingOrganizations('usage_20260309');
  const { rows } = await pool.query<{ 'QUERY PLAN': readonly [{ Plan: Record<string, number> }] }>(
    `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`,
    ['2026-03-10 00:00:00+00', 0],
  );
  const plan = rows[0]?.['QUERY PLAN'][0].Plan ?? {};
  const pages = Number(plan['Shared Hit Blocks']) + Number(plan['Shared Read Blocks']);
  expect(plan['Actual Rows']).toBe(1);
  expect(pages).toBeLessThan(20 * orgIds.length);
});

/* Seen red with passes that always begin with the same organizations. */
test('many organizations that cannot be rolled up keep one behind them waiting for one pass', async () => {
  await makePartitions(pool, '2026-03-08');
  const store = policyStoreOf(pool, () => nowMs);
  const broken = Array.from({ length: 8 }, (_, index) => `a${index}`);
  for (const id of broken) await store.createOrganization(plainOrganization(id), anyChange);
  const row = usageRow('2026-03-10T08:31:00Z');
  await insertUsageRows(
    pool,
    [...broken, 'beta'].map((orgId) => ({ ...row, orgId })),
  );
  await pool.query(`UPDATE org SET time_zone = 'Atlantis/Poseidonis' WHERE org_id = ANY ($1)`, [
    broken,
  ]);
  const rolledUp: number[] = [];
  const rollUp = rollUpOf({ onPiece: (rows) => rolledUp.push(rows) });
  await expect(rollUp()).rejects.toThrow();
  expect(rolledUp).toEqual([]);
  await expect(rollUp()).rejects.toThrow();
  expect(rolledUp).toEqual([1]);
});
