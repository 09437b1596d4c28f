import type { Pool } from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createPool } from '../../../src/db/pool.ts';
import { createRollUp } from '../../../src/ledger/upkeep/roll-up.ts';
import type { RollUpOptions } from '../../../src/ledger/upkeep/roll-up.ts';
import { tryRollUpLock, waitingDays } from '../../../src/ledger/sql/roll-up.ts';
import { createUpkeep } from '../../../src/ledger/upkeep/upkeep.ts';
import { createTestDatabase } from '../../support/database.ts';
import type { TestDatabase } from '../../support/database.ts';
import { anyChange, plainOrganization, policyStoreOf } from '../../support/organization.ts';
import { createRandom } from '../../support/random.ts';
import {
  dailySumsOf,
  insertUsageRows,
  lifetimeOf,
  transactionsOf,
} from '../../support/usage-rows.ts';
import type { UsageRow } from '../../support/usage-rows.ts';

/*
 * Seen red with each of these faults: sums count before their day is complete, or stop counting before it is; the place
 * is not moved; a piece begins at its place instead of behind it; the session's time zone bounds a day; today counts as
 * ended; open writers are ignored; it waits for another roll-up; it ignores a stop; it searches waiting days by EXISTS.
 */
const nowMs = Date.parse('2026-03-10T09:00:00Z');
const orgIds = ['acme', 'beta', 'quiet'] as const;
const subjects = ['org', 'user:ann', 'user:ben', 'app:crm'] as const;
type Names = readonly string[];
const withoutOrg: readonly [Names, ...Names[]] = [
  [],
  ['user:ann'],
  ['user:ben', 'app:crm'],
  ['app:crm'],
];
const random = createRandom();
let database: TestDatabase;
let pool: Pool;

beforeEach(async () => {
  database = await createTestDatabase();
  pool = database.pool;
  const store = policyStoreOf(pool, () => nowMs);
  for (const id of orgIds) await store.createOrganization(plainOrganization(id), anyChange);
});

afterEach(() => database.drop());

/** A roll-up without rests, unless a test has something to do in them. */
function rollUpOf(more: Partial<RollUpOptions> = {}): ReturnType<typeof createRollUp> {
  const pause = (): Promise<void> => Promise.resolve();
  return createRollUp({ pool, transact: transactionsOf(pool), nowMs: () => nowMs, pause, ...more });
}

/** Partitions of the given day and the week after it. */
async function makePartitions(day: string): Promise<void> {
  const retention = { usageDays: 400, eventDays: 90, requestIdHours: 48 };
  const dayMs = Date.parse(`${day}T12:00:00Z`);
  await createUpkeep({ pool, transact: transactionsOf(pool), nowMs: () => dayMs, retention })();
}

function usageRow(recordedAt: string, more: Partial<UsageRow> = {}): UsageRow {
  const usual = { orgId: 'acme', bookedAt: recordedAt, subjects: ['org', 'user:ann'] };
  return { ...usual, target: 'gpt-5', cost: 7n, recordedAt, ...more };
}

/** Rows that were recorded from the first of March (without partitions: before the third) until now. */
function randomRows(count: number): UsageRow[] {
  return Array.from({ length: count }, () => {
    const recordedMs = nowMs - random.between(0, 9 * 86_400) * 1_000;
    const lateMs = random.pick([0, 0, 0, 90_000_000]);
    return usageRow(new Date(recordedMs).toISOString(), {
      orgId: random.pick(['acme', 'beta']),
      bookedAt: new Date(recordedMs - lateMs).toISOString(),
      subjects: ['org', ...random.pick(withoutOrg)],
      target: random.pick(['gpt-5', 'gpt-4o']),
      cost: BigInt(random.between(0, 1_000_000)) * 1_000_003n,
    });
  });
}

async function lifetimes(): Promise<string[]> {
  const all = orgIds.flatMap((orgId) => subjects.map((subject) => [orgId, subject] as const));
  return Promise.all(
    all.map(async ([orgId, subject]) => {
      return `${orgId} ${subject} ${await lifetimeOf(pool, orgId, subject)}`;
    }),
  );
}

test('while days are rolled up piece by piece, every total of every subject stays what it was', async () => {
  await makePartitions('2026-03-03');
  await insertUsageRows(pool, randomRows(400));
  const before = await lifetimes();
  const seen = new Set<string>();
  const look = async (): Promise<void> => void seen.add((await lifetimes()).join('\n'));
  const pass = await rollUpOf({ pieceRows: random.between(1, 8), pause: look })();
  expect([...seen]).toEqual([before.join('\n')]);
  expect(pass).toMatchObject({ waiting: 0, left: undefined });
  const today = await pool.query(`DELETE FROM usage WHERE recorded_at >= '2026-03-10 00:00+00'`);
  expect(pass.rows).toBe(400 - (today.rowCount ?? 0));
  expect(await dailySumsOf(pool, 'usage_daily')).toEqual(await dailySumsOf(pool, 'usage'));
});

test('reports that land while their day is rolled up are counted once, at once and the day after', async () => {
  await makePartitions('2026-03-08');
  await insertUsageRows(
    pool,
    [1, 2, 3, 4, 5].map((hour) => usageRow(`2026-03-09T0${hour}:00:00Z`)),
  );
  let landed = 0;
  const land = async (): Promise<void> => {
    landed += 1;
    await insertUsageRows(pool, [
      usageRow(`2026-03-10T09:00:0${landed}Z`, { bookedAt: '2026-03-09T03:30:00Z' }),
    ]);
    expect(await lifetimeOf(pool, 'acme', 'org')).toMatch(new RegExp(`^${7 * (5 + landed)}/`));
  };
  expect(await rollUpOf({ pieceRows: 2, pause: land })()).toMatchObject({ days: 1, rows: 5 });
  expect(landed).toBe(3);
  const nextDay = await rollUpOf({ nowMs: () => nowMs + 86_400_000 })();
  expect(nextDay).toMatchObject({ days: 1, rows: 3, waiting: 0 });
  expect(await lifetimeOf(pool, 'acme', 'org')).toBe('56/112/168/8');
  const { rows } = await pool.query(
    `SELECT day::text, sum(cost)::int AS cost FROM usage_daily WHERE subject = 'org' GROUP BY day`,
  );
  expect(rows).toEqual([{ day: '2026-03-09', cost: 56 }]);
});

test('a day waits for a transaction that is still open and may record into it', async () => {
  await makePartitions('2026-03-08');
  await insertUsageRows(pool, [usageRow('2026-03-09T22:00:00Z')]);
  const waits: number[] = [];
  const rollUp = rollUpOf({ settleMs: 0, onWaiting: (days) => waits.push(days) });
  const slow = await pool.connect();
  await slow.query('BEGIN');
  await slow.query(
    `INSERT INTO usage SELECT org_id, '2026-03-09 23:59:59+00', gen_random_uuid(), 's', kind, booked_at,
  subjects, user_id, target, facts, cost, input, output, cached_input, cache_write, requests, price_revision,
  over_hold, late, unpriced FROM usage`,
  );
  expect(await rollUp()).toEqual({ days: 0, rows: 0, waiting: 1, left: 'unsettled' });
  await slow.query('COMMIT');
  slow.release();
  expect(await rollUp()).toEqual({ days: 1, rows: 2, waiting: 0, left: undefined });
  expect(await lifetimeOf(pool, 'acme', 'org')).toBe('14/28/42/2');
  expect(waits).toEqual([1, 1, 0]);
});

test('what a crash leaves in the middle of a piece or between two is finished by the next pass', async () => {
  await makePartitions('2026-03-03');
  await insertUsageRows(pool, randomRows(200));
  const before = await lifetimes();
  const transact = transactionsOf(pool);
  let [passes, rows] = [0, 0];
  const backlog = { days: Infinity };
  for (; backlog.days > 0; passes += 1) {
    let left = random.between(1, 8);
    const crash = (): Promise<void> =>
      (left -= 1) > 0 ? Promise.resolve() : Promise.reject(new Error('crash'));
    const isInside = passes % 2 === 0;
    const pass = rollUpOf({
      pieceRows: 5,
      onWaiting: (days) => (backlog.days = days),
      ...(isInside ? {} : { pause: crash }),
      transact: (work) =>
        transact(async (client) => {
          const done = await work(client);
          if (isInside) await crash();
          return done;
        }),
    });
    rows += await pass().then(
      (done) => done.rows,
      () => 0,
    );
    expect(await lifetimes()).toEqual(before);
  }
  expect(passes).toBeGreaterThan(4);
  expect(rows).toBeLessThan(200);
  await pool.query(`DELETE FROM usage WHERE recorded_at >= '2026-03-10 00:00+00'`);
  expect(await dailySumsOf(pool, 'usage_daily')).toEqual(await dailySumsOf(pool, 'usage'));
});

test('a replica that finds another at work leaves the rest to it, at once', async () => {
  await makePartitions('2026-03-08');
  await insertUsageRows(pool, [usageRow('2026-03-09T05:00:00Z')]);
  const other = await pool.connect();
  await other.query('BEGIN');
  await other.query(tryRollUpLock.text);
  expect(await rollUpOf()()).toEqual({ days: 0, rows: 0, waiting: 1, left: 'taken' });
  await other.query('COMMIT');
  other.release();
  expect(await rollUpOf()()).toEqual({ days: 1, rows: 1, waiting: 0, left: undefined });
});

test('replicas that roll up the same days at once count every row once', async () => {
  await makePartitions('2026-03-03');
  await insertUsageRows(pool, randomRows(300));
  const before = await lifetimes();
  for (let waiting = Infinity; waiting > 0;) {
    const rollUp = rollUpOf({ pieceRows: 7 });
    const passes = await Promise.all([rollUp(), rollUp(), rollUp()]);
    waiting = Math.min(...passes.map((pass) => pass.waiting));
    expect(await lifetimes()).toEqual(before);
  }
  await pool.query(`DELETE FROM usage WHERE recorded_at >= '2026-03-10 00:00+00'`);
  expect(await dailySumsOf(pool, 'usage_daily')).toEqual(await dailySumsOf(pool, 'usage'));
});

test('told to stop it ends after the piece under way, and the next pass goes on where it was', async () => {
  await makePartitions('2026-03-08');
  const minutes = Array.from({ length: 25 }, (_, minute) => String(minute + 10));
  await insertUsageRows(
    pool,
    minutes.map((minute) => usageRow(`2026-03-09T05:${minute}:00Z`)),
  );
  const stopping = new AbortController();
  let rests = 0;
  const pause = (): Promise<void> => {
    if ((rests += 1) === 2) stopping.abort();
    return Promise.resolve();
  };
  const stopped = await rollUpOf({ pieceRows: 10, pause })(stopping.signal);
  expect(stopped).toEqual({ days: 0, rows: 20, waiting: 1, left: 'stopped' });
  const resumed = await rollUpOf({ pieceRows: 10 })();
  expect(resumed).toEqual({ days: 1, rows: 5, waiting: 0, left: undefined });
  expect(await lifetimeOf(pool, 'acme', 'org')).toBe('175/350/525/25');
});

test('a day is a day of UTC, whatever the time zone of the sessions', async () => {
  await makePartitions('2026-03-07');
  const edges = [
    '07T23:59:59.999Z',
    '08T00:00:00Z',
    '08T11:00:00Z',
    '08T23:59:59.999Z',
    '09T00:00Z',
  ];
  await insertUsageRows(
    pool,
    edges.map((edge) => usageRow(`2026-03-${edge}`)),
  );
  for (const timeZone of ['America/New_York', 'Asia/Tokyo']) {
    const settings = {
      applicationName: 'elsewhere',
      maxConnections: 2,
      statementTimeoutMs: 20_000,
    };
    const url = `${database.url}?options=${encodeURIComponent(`-c timezone=${timeZone}`)}`;
    const elsewhere = createPool({ ...settings, url, poolWaitMs: 20_000 });
    const early = Date.parse(timeZone === 'Asia/Tokyo' ? '2026-03-10T00:30Z' : '2026-03-09T00:30Z');
    const transact = transactionsOf(elsewhere);
    const pass = await rollUpOf({ pool: elsewhere, transact, nowMs: () => early })();
    expect(pass).toMatchObject(
      timeZone === 'Asia/Tokyo' ? { days: 1, rows: 1 } : { days: 2, rows: 4 },
    );
    expect(await lifetimeOf(elsewhere, 'acme', 'org')).toBe('35/70/105/5');
    await elsewhere.end();
  }
  expect(await dailySumsOf(pool, 'usage_daily')).toEqual(await dailySumsOf(pool, 'usage'));
});

test('a day whose organizations are all complete is not looked into again; one without usage is none', async () => {
  await makePartitions('2026-03-07');
  await insertUsageRows(pool, [usageRow('2026-03-08T10:00:00Z'), usageRow('2026-03-01T10:00:00Z')]);
  const waits: number[] = [];
  const rollUp = rollUpOf({ onWaiting: (days) => waits.push(days) });
  await rollUp();
  await rollUp();
  const { rows } = await pool.query(
    `SELECT org_id, day::text FROM usage_rolled WHERE complete ORDER BY day, org_id`,
  );
  expect(rows).toEqual([
    { org_id: 'acme', day: '2026-03-01' },
    { org_id: '', day: '2026-03-07' },
    { org_id: '', day: '2026-03-08' },
    { org_id: 'acme', day: '2026-03-08' },
    { org_id: '', day: '2026-03-09' },
  ]);
  expect(waits).toEqual([2, 1, 0, 0]);
});

test('which days wait is found by a few pages for each organization, however many rows there are', async () => {
  await makePartitions('2026-03-09');
  const row = usageRow('2026-03-09T05:00:00Z');
  await insertUsageRows(
    pool,
    Array.from({ length: 20_000 }, () => row),
  );
  await pool.query('VACUUM ANALYZE usage');
  const { text } = waitingDays('usage_20260309');
  const { rows } = await pool.query<{ 'QUERY PLAN': readonly [{ Plan: Record<string, number> }] }>(
    `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`,
    ['2026-03-10 00:00:00+00'],
  );
  const plan = rows[0]?.['QUERY PLAN'][0].Plan ?? {};
  const pages = Number(plan['Shared Hit Blocks']) + Number(plan['Shared Read Blocks']);
  expect(plan['Actual Rows']).toBe(1);
  expect(pages).toBeLessThan(20 * orgIds.length);
});
