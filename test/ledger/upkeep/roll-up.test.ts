import type { Pool } from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createPool } from '../../../src/db/pool.ts';
import type { RollUpOptions } from '../../../src/ledger/upkeep/roll-up.ts';
import { tryRollUpLock } from '../../../src/ledger/sql/roll-up.ts';
import { lockOrganization } from '../../../src/ledger/sql/lock-organization.ts';
import { createTestDatabase } from '../../support/database.ts';
import type { TestDatabase } from '../../support/database.ts';
import { anyChange, plainOrganization, policyStoreOf } from '../../support/organization.ts';
import { createRandom } from '../../support/random.ts';
import { makePartitions, rollUpAt, usageRow } from '../../support/roll-up.ts';
import { insertUsageRows, lifetimeOf, sumsOf, transactionsOf } from '../../support/usage-rows.ts';
import type { UsageRow } from '../../support/usage-rows.ts';

/*
 * Seen red with each of these faults: a quarter is closed without the organization's lock; the mark is not moved; a piece
 * begins at its place instead of behind it; sums are replaced instead of added to; single rows are counted from the time of
 * the mark on; a stop is ignored;
 * it closes a quarter, or goes on with the next piece, while another replica is at work;
 * the first failure ends the pass.
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

const rollUpOf = (more: Partial<RollUpOptions> = {}): ReturnType<typeof rollUpAt> =>
  rollUpAt(pool, nowMs, more);

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

/** All that is left of the single rows is in the sums, and nothing else. */
async function expectSumsOfRows(): Promise<void> {
  for (const of of ['usage_quarter', 'usage_daily'] as const) {
    expect(await sumsOf(pool, of, 'sums')).toEqual(await sumsOf(pool, of, 'rows'));
  }
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
  await makePartitions(pool, '2026-03-03');
  await insertUsageRows(pool, randomRows(400));
  const before = await lifetimes();
  const seen = new Set<string>();
  const look = async (): Promise<void> => void seen.add((await lifetimes()).join('\n'));
  const pass = await rollUpOf({ pieceRows: random.between(8, 30), pause: look })();
  expect([...seen]).toEqual([before.join('\n')]);
  expect(pass).toMatchObject({ waiting: 0, left: undefined });
  const today = await pool.query(`DELETE FROM usage WHERE recorded_at >= '2026-03-10 08:45+00'`);
  expect(pass.rows).toBe(400 - (today.rowCount ?? 0));
  await expectSumsOfRows();
});

test('reports that land while their day is rolled up are counted once, at once and the day after', async () => {
  await makePartitions(pool, '2026-03-08');
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
  expect(await rollUpOf({ pieceRows: 2, pause: land })()).toMatchObject({
    organizations: 1,
    rows: 5,
  });
  expect(landed).toBe(3);
  const nextDay = await rollUpOf({ nowMs: () => nowMs + 86_400_000 })();
  expect(nextDay).toMatchObject({ organizations: 1, rows: 3, waiting: 0 });
  expect(await lifetimeOf(pool, 'acme', 'org')).toBe('56/112/168/8');
  const { rows } = await pool.query(
    `SELECT (starts_at AT TIME ZONE 'UTC')::date::text AS day, sum(cost)::int AS cost FROM usage_daily
     WHERE subject = 'org' GROUP BY day`,
  );
  expect(rows).toEqual([{ day: '2026-03-09', cost: 56 }]);
});

test('a call that is being booked when its quarter is closed is waited for, and is in the sums', async () => {
  await makePartitions(pool, '2026-03-08');
  await insertUsageRows(pool, [usageRow('2026-03-10T08:31:00Z')]);
  const booking = await pool.connect();
  await booking.query('BEGIN');
  await booking.query(lockOrganization, ['acme']);
  await booking.query(
    `INSERT INTO usage SELECT org_id, '2026-03-10 08:44:59.999+00', gen_random_uuid(), 's', kind, booked_at,
  subjects, user_id, target, facts, cost, input, output, reasoning_output, cached_input, cache_write, cache_write_1h,
  requests, units, price_revision, over_hold, late, unpriced FROM usage`,
  );
  const pass = rollUpOf()();
  const waiting = `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`;
  await expect.poll(async () => (await pool.query(waiting)).rows.length).toBe(1);
  await booking.query('COMMIT');
  booking.release();
  expect(await pass).toEqual({ organizations: 1, rows: 2, waiting: 0, left: undefined });
  expect(await lifetimeOf(pool, 'acme', 'org')).toBe('14/28/42/2');
});

test('what a crash leaves in the middle of a piece or between two is finished by the next pass', async () => {
  await makePartitions(pool, '2026-03-03');
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
  await pool.query(`DELETE FROM usage WHERE recorded_at >= '2026-03-10 08:45+00'`);
  await expectSumsOfRows();
});

test('a replica that finds another at work leaves the rest to it, before it closes anything or between pieces', async () => {
  await makePartitions(pool, '2026-03-08');
  await insertUsageRows(pool, [usageRow('2026-03-09T05:00:00Z'), usageRow('2026-03-09T05:00:01Z')]);
  const other = await pool.connect();
  const begin = async (): Promise<void> => {
    await other.query('BEGIN');
    await other.query(tryRollUpLock.text);
  };
  await begin();
  const taken = { organizations: 0, waiting: 1, left: 'taken' };
  expect(await rollUpOf()()).toEqual({ ...taken, rows: 0 });
  expect((await pool.query('SELECT 1 FROM usage_rolled')).rows).toEqual([]);
  await other.query('COMMIT');
  expect(await rollUpOf({ pieceRows: 1, pause: begin })()).toEqual({ ...taken, rows: 1 });
  await other.query('COMMIT');
  other.release();
  expect(await rollUpOf()()).toEqual({ organizations: 1, rows: 1, waiting: 0, left: undefined });
});

test('an organization that cannot be rolled up keeps no other waiting, and is reported', async () => {
  await makePartitions(pool, '2026-03-08');
  const row = usageRow('2026-03-09T05:00:00Z');
  await insertUsageRows(pool, [row, { ...row, orgId: 'beta' }]);
  await pool.query(`UPDATE org SET time_zone = 'Atlantis/Poseidonis' WHERE org_id = 'acme'`);
  const waits: number[] = [];
  const pass = rollUpOf({ onWaiting: (count) => waits.push(count) })();
  const message: unknown = expect.stringMatching(/atlantis/i);
  await expect(pass).rejects.toMatchObject({ cause: { message } });
  expect(waits).toEqual([2, 1]);
  expect(await lifetimeOf(pool, 'acme', 'org')).toBe('7/14/21/1');
  expect((await pool.query(`SELECT 1 FROM usage_daily WHERE org_id = 'beta'`)).rows).not.toEqual(
    [],
  );
});

test('replicas that roll up the same days at once count every row once', async () => {
  await makePartitions(pool, '2026-03-03');
  await insertUsageRows(pool, randomRows(300));
  const before = await lifetimes();
  for (let waiting = Infinity; waiting > 0;) {
    const rollUp = rollUpOf({ pieceRows: 7 });
    const passes = await Promise.all([rollUp(), rollUp(), rollUp()]);
    waiting = Math.min(...passes.map((pass) => pass.waiting));
    expect(await lifetimes()).toEqual(before);
  }
  await pool.query(`DELETE FROM usage WHERE recorded_at >= '2026-03-10 08:45+00'`);
  await expectSumsOfRows();
});

test('when stopped it ends after the piece in progress, and the next pass continues there', async () => {
  await makePartitions(pool, '2026-03-08');
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
  expect(stopped).toEqual({ organizations: 0, rows: 20, waiting: 1, left: 'stopped' });
  const resumed = await rollUpOf({ pieceRows: 10 })();
  expect(resumed).toEqual({ organizations: 1, rows: 5, waiting: 0, left: undefined });
  expect(await lifetimeOf(pool, 'acme', 'org')).toBe('175/350/525/25');
});

test('quarters and days are the same whatever the time zone of the sessions', async () => {
  await makePartitions(pool, '2026-03-07');
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
  for (const timeZone of ['America/New_York', 'Asia/Kathmandu']) {
    const settings = {
      applicationName: 'elsewhere',
      maxConnections: 2,
      statementTimeoutMs: 20_000,
    };
    const url = `${database.url}?options=${encodeURIComponent(`-c timezone=${timeZone}`)}`;
    const elsewhere = createPool({ ...settings, url, poolWaitMs: 20_000 });
    const isLater = timeZone === 'Asia/Kathmandu';
    const atMs = Date.parse(isLater ? '2026-03-10T00:30Z' : '2026-03-08T11:14:59Z');
    const transact = transactionsOf(elsewhere);
    const pass = await rollUpOf({ pool: elsewhere, transact, nowMs: () => atMs })();
    expect(pass).toMatchObject({ organizations: 1, rows: isLater ? 3 : 2 });
    expect(await lifetimeOf(elsewhere, 'acme', 'org')).toBe('35/70/105/5');
    await elsewhere.end();
  }
  await expectSumsOfRows();
});
