import type { Pool } from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createUpkeep } from '../../../src/ledger/upkeep/upkeep.ts';
import type { UpkeepOptions } from '../../../src/ledger/upkeep/upkeep.ts';
import { createTestDatabase } from '../../support/database.ts';
import type { TestDatabase } from '../../support/database.ts';
import { anyChange, plainOrganization, policyStoreOf } from '../../support/organization.ts';
import { rollUpAt, usageRow } from '../../support/roll-up.ts';
import { insertUsageRows, lifetimeOf, transactionsOf } from '../../support/usage-rows.ts';

/*
 * Planted once, and seen red: `CREATE TABLE … PARTITION OF`, partitions by two replicas at once, a partition
 * for a day that the rest has rows of, a drop without a bound on its wait, usage dropped or removed that is
 * not rolled up, a step whose failure ends the round, one piece a round, and a MONTH of 31 days.
 */
const dayMs = 86_400_000;
const nowMs = Date.parse('2026-03-10T09:00:00Z');
const retention = { usageDays: 40, eventDays: 90, requestIdHours: 48 };
let database: TestDatabase;
let pool: Pool;

beforeEach(async () => {
  database = await createTestDatabase();
  pool = database.pool;
  await policyStoreOf(pool, () => nowMs).createOrganization(plainOrganization('acme'), anyChange);
});

afterEach(() => database.drop());

const pause = (): Promise<void> => Promise.resolve();

function upkeepAt(
  atMs: number,
  more: Partial<UpkeepOptions> = {},
): ReturnType<typeof createUpkeep> {
  const transact = transactionsOf(pool);
  return createUpkeep({ pool, transact, nowMs: () => atMs, retention, pause, ...more });
}

async function count(from: string): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM ${from}`,
  );
  return rows[0]?.count ?? 0;
}

const partitions = (table: string): Promise<number> =>
  count(`pg_inherits WHERE inhparent = '${table}'::regclass`);

test('partitions are made a week ahead, by several replicas at once, and while calls are booked', async () => {
  const booking = await pool.connect();
  await booking.query('BEGIN');
  await booking.query('LOCK TABLE ONLY usage, ONLY enforcement_event IN ROW EXCLUSIVE MODE');
  await Promise.all([upkeepAt(nowMs)(), upkeepAt(nowMs)(), upkeepAt(nowMs)()]);
  await booking.query('COMMIT');
  booking.release();
  expect(await partitions('usage')).toBe(9);
  expect(await partitions('enforcement_event')).toBe(9);
  await insertUsageRows(pool, [usageRow('2026-03-17T23:59:59Z'), usageRow('2026-03-18T00:00:00Z')]);
  expect(await count('usage_20260317')).toBe(1);
  expect(await count('usage_rest')).toBe(1);
});

test('a day that the rest has rows of stays there; the days after it have partitions', async () => {
  await insertUsageRows(pool, [usageRow('2026-03-10T08:00:00Z')]);
  await upkeepAt(nowMs)();
  expect(await partitions('usage')).toBe(8);
  expect(await count(`pg_class WHERE relname = 'usage_20260310'`)).toBe(0);
  await insertUsageRows(pool, [usageRow('2026-03-10T23:00:00Z'), usageRow('2026-03-11T01:00:00Z')]);
  expect(await count('usage_rest')).toBe(2);
  expect(await count('usage_20260311')).toBe(1);
});

test('usage is dropped after its days, once it is rolled up, from the rest too, and its sums stay', async () => {
  await insertUsageRows(pool, [usageRow('2026-03-09T10:00:00Z'), usageRow('2026-03-09T11:00:00Z')]);
  await upkeepAt(nowMs)();
  await insertUsageRows(pool, [usageRow('2026-03-11T10:00:00Z'), usageRow('2026-03-12T10:00:00Z')]);
  const laterMs = Date.parse('2026-03-12T00:00:00Z') + 40 * dayMs;
  const upkeep = upkeepAt(laterMs, { pieceRows: 1 });
  // The tenth was never used; of the ninth and the eleventh nothing is rolled up.
  expect(await upkeep()).toMatchObject({ dropped: 1 });
  expect(await count('usage')).toBe(4);
  await rollUpAt(pool, laterMs)();
  expect(await upkeep()).toMatchObject({ dropped: 1 });
  expect(await count('usage')).toBe(1);
  expect(await count('usage_rest')).toBe(0);
  expect(await lifetimeOf(pool, 'acme', 'org')).toBe('28/56/84/4');
});

test('a drop that a reader is in the way of gives up soon, keeps no step from being done, and comes again', async () => {
  await upkeepAt(nowMs)();
  const laterMs = nowMs + 42 * dayMs;
  const reading = await pool.connect();
  await reading.query('BEGIN');
  await reading.query('LOCK TABLE usage IN ACCESS SHARE MODE');
  await expect(upkeepAt(laterMs)()).rejects.toMatchObject({ cause: { code: '55P03' } });
  expect(await partitions('enforcement_event')).toBe(17);
  await reading.query('COMMIT');
  reading.release();
  expect(await upkeepAt(laterMs)()).toMatchObject({ dropped: 2 });
});

test('events are dropped after their days, from the rest too', async () => {
  await pool.query(
    `INSERT INTO enforcement_event (org_id, at, id, last_at, sequence, occurrences, action, request_id, subjects)
  SELECT 'acme', at, at, at, at, 1, 'BLOCKED', 'r', '{}'
  FROM unnest('{2026-03-01 10:00+00,2026-03-02 10:00+00,2026-03-09 10:00+00}'::timestamptz[]) AS at`,
  );
  const short = { ...retention, eventDays: 7 };
  await upkeepAt(nowMs, { pieceRows: 1, retention: short })();
  expect(await count('enforcement_event')).toBe(1);
});

test('calls past their horizon are forgotten in one round, however many; open and younger ones stay', async () => {
  const callsOf = (state: string, atMs: number): Promise<unknown> =>
    pool.query(
      `INSERT INTO call (org_id, request_id, state, version, content, answer, detail, subjects, facts, held_cost,
     held_input, held_output, booked_at, expires_at, requests)
   SELECT 'acme', $1 || $2::bigint || i, $1, 1, '', '', '', '{}', '{}', 0, 0, 0, $2::bigint, $2::bigint, 1
   FROM generate_series(1, 25) AS i`,
      [state, atMs],
    );
  await callsOf('CLOSED', nowMs - 3 * dayMs);
  await callsOf('OPEN', nowMs - 3 * dayMs);
  await callsOf('CLOSED', nowMs - dayMs);
  expect(await upkeepAt(nowMs, { pieceRows: 10 })()).toMatchObject({ forgotten: 25 });
  expect(await count('call')).toBe(50);
});

test('thresholds are forgotten once no call can be settled in their window any more', async () => {
  const told = (window: string, days: number): Promise<unknown> =>
    pool.query(`INSERT INTO threshold_reached VALUES ('acme', 'l', 'org', 80, $1, $2)`, [
      window,
      nowMs - days * dayMs,
    ]);
  const ages = { TEN_SECONDS: 3, MINUTE: 3, HOUR: 3, DAY: 4, WEEK: 10, MONTH: 34 };
  for (const [window, days] of Object.entries(ages)) {
    await told(window, days - 0.001);
    await told(window, days + 0.001);
  }
  await told('LIFETIME', 20_000);
  await upkeepAt(nowMs)();
  const { rows } = await pool.query<{ time_window: string }>(
    'SELECT time_window FROM threshold_reached ORDER BY window_start DESC',
  );
  expect(rows.map((row) => row.time_window)).toEqual([...Object.keys(ages), 'LIFETIME']);
});

/* Red where `upkeep` takes the statements of all organizations. */
test('with one organization to a statement, one that fails does not keep the others from being forgotten', async () => {
  await policyStoreOf(pool, () => nowMs).createOrganization(plainOrganization('beta'), anyChange);
  for (const orgId of ['acme', 'beta']) {
    await pool.query(
      `INSERT INTO call (org_id, request_id, state, version, content, answer, detail, subjects, facts, held_cost,
  held_input, held_output, booked_at, expires_at, requests)
  VALUES ($1, 'old', 'REPORTED', 1, '', '', '', '{}', '', 0, 0, 0, 0, 0, 1)`,
      [orgId],
    );
  }
  await pool.query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the node is lost'; END $$;
CREATE TRIGGER lost BEFORE DELETE ON call FOR EACH ROW WHEN (OLD.org_id = 'acme') EXECUTE FUNCTION refuse()`);
  const round = upkeepAt(nowMs, { perOrganization: true })();
  await expect(round).rejects.toThrow('the node is lost');
  expect(await count("call WHERE org_id = 'acme'")).toBe(1);
  expect(await count("call WHERE org_id = 'beta'")).toBe(0);
});
