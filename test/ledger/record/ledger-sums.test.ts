import type { Pool } from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { meterOf, parseMeterName } from '../../../src/core/meter.ts';
import type { Meter } from '../../../src/core/meter.ts';
import { windows } from '../../../src/core/policy.ts';
import type { Calendar } from '../../../src/core/window.ts';
import { windowStarts } from '../../../src/ledger/meters/call-delta.ts';
import { ledgerSums } from '../../../src/ledger/record/ledger-sums.ts';
import { rebuildWindows } from '../../../src/ledger/record/rebuild-windows.ts';
import { createRollUp } from '../../../src/ledger/upkeep/roll-up.ts';
import { windowOffsets } from '../../../src/ledger/sql/apply-deltas.ts';
import { partitionName } from '../../../src/ledger/sql/daily-partitions.ts';
import { verifyOrganization } from '../../../src/ledger/record/verify.ts';
import { handMovedClock } from '../../../src/platform/database-clock.ts';
import { createTestDatabase } from '../../support/database.ts';
import type { TestDatabase } from '../../support/database.ts';
import { anyChange, plainOrganization, policyStoreOf } from '../../support/organization.ts';
import { createRandom } from '../../support/random.ts';
import { insertUsageRows, transactionsOf } from '../../support/usage-rows.ts';
import type { UsageRow } from '../../support/usage-rows.ts';
import { differencesOf } from '../../support/verified.ts';

/*
 * Planted once, and seen red: a day that a window begins in read as a whole, and read by its quarters as well; rolled-up
 * rows left out of a quarter that a window begins in, other rows counted twice there, and its sum counted as well; and of a
 * new calendar, windows that are not moved, what was there added to what is recorded, and LIFETIME taken from the days
 * that were read.
 */
const dayMs = 86_400_000;
const nowMs = Date.parse('2026-03-10T09:07:23Z');
const clock = handMovedClock({ nowMs: () => nowMs });
const calendars: readonly [Calendar, ...Calendar[]] = [
  { timeZone: 'Europe/Berlin', weekStart: 1, monthAnchorDay: 1 },
  { timeZone: 'America/New_York', weekStart: 7, monthAnchorDay: 9 },
  { timeZone: 'UTC', weekStart: 2, monthAnchorDay: 28 },
];
const meters = [
  'org',
  'user:ann',
  'user:ben@gpt-5',
  'team:red/user:ann',
  'app:crm',
  'org@gpt-5',
  'org@gpt-*',
  'user:ann@gpt-5',
];
const random = createRandom();
let database: TestDatabase;

beforeEach(async () => {
  database = await createTestDatabase();
  const store = policyStoreOf(database.pool, () => nowMs);
  await store.createOrganization(plainOrganization('acme'), anyChange);
});

afterEach(() => database.drop());

/** Partitions of some days; what is recorded on the others goes to none. */
async function makePartitions(firstMs: number, days: number): Promise<void> {
  for (let day = 0; day < days; day += 1) {
    if (random.between(0, 5) === 0) continue;
    const [start = '', end = ''] = [0, 1].map((more) =>
      new Date(firstMs + (day + more) * dayMs).toISOString().slice(0, 10),
    );
    await database.pool.query(
      `CREATE TABLE ${partitionName('usage', start)} PARTITION OF usage
       FOR VALUES FROM ('${start} 00:00+00') TO ('${end} 00:00+00')`,
    );
  }
}

/** Recorded in the last forty days, booked at once or some days before, often near a midnight. */
function randomRow(): UsageRow {
  const dayStartMs = Math.floor(nowMs / dayMs) * dayMs - random.between(0, 40) * dayMs;
  const near = random.pick([0, 0, 82_800_000, random.between(0, dayMs)]);
  // Some in the quarters that windows of a minute and less begin in.
  const recordedMs = random.pick([
    Math.min(nowMs, dayStartMs + near + random.between(0, 7_200_000)),
    nowMs - random.pick([0, 7_200_000, dayMs]) - random.between(-450_000, 450_000),
  ]);
  const bookedMs = recordedMs - random.pick([0, 0, 0, 3_600_000, 3 * dayMs]);
  const ofUser = random.pick(['ann', 'ben']);
  return {
    orgId: random.between(0, 9) === 0 ? 'beta' : 'acme',
    recordedAt: new Date(recordedMs).toISOString(),
    bookedAt: new Date(bookedMs).toISOString(),
    subjects: random.pick([
      ['org'],
      ['org', 'app:crm'],
      ['org', `user:${ofUser}`, 'team:red', `team:red/user:${ofUser}`],
    ]),
    target: random.pick(['gpt-5', 'gpt-4o']),
    cost: BigInt(random.between(1, 1_000_000)),
  };
}

/** Cost by window, from all rows. */
function expected(rows: readonly UsageRow[], meter: Meter, starts: readonly number[]): string[] {
  const base = meterOf(meter.subject, [], meter.member).name;
  const own = rows.filter(
    ({ orgId, subjects, target }) =>
      orgId === 'acme' &&
      subjects.includes(base) &&
      (meter.targets.length === 0 ||
        meter.targets.includes(target) ||
        meter.targets.includes('gpt-*')),
  );
  return windows.map((window, index) => {
    const since = own.filter(({ bookedAt }) => Date.parse(bookedAt) >= (starts[index] ?? 0));
    return `${window} ${since.reduce((sum, { cost }) => sum + cost, 0n)} in ${since.length}`;
  });
}

async function told(asked: readonly Meter[], starts: readonly number[]): Promise<string[][]> {
  const all = await ledgerSums(database.pool, 'acme', asked, starts);
  return all.map((sums) =>
    windows.map((window, index) => {
      const at = windowOffsets[index]?.counters ?? 0;
      return `${window} ${sums[at]} in ${sums[at + 3]}`;
    }),
  );
}

/** Each meter by itself, those of users together, and all together. */
async function expectAll(rows: readonly UsageRow[]): Promise<void> {
  const all = meters.map(meterNamed);
  const ofUsers = all.filter(({ name }) => name.includes('user:'));
  for (const asked of [...all.map((meter) => [meter]), ofUsers, all]) {
    const calendar = random.pick(calendars);
    const starts = windowStarts(calendar, nowMs - random.pick([0, 7_200_000, dayMs]));
    const names = asked.map(({ name }) => name);
    expect(await told(asked, starts), `${names.join()} ${JSON.stringify(calendar)}`).toEqual(
      asked.map((meter) => expected(rows, meter, starts)),
    );
  }
}

function meterNamed(name: string): Meter {
  const meter = parseMeterName(name);
  if (meter === undefined) throw new Error(`${name} names no meter`);
  return meter;
}

/** Rolls up the days that ended before some days ago, or the first pieces of them. */
async function rollUp(daysBack: number, mostPieces: number, pieceRows: number): Promise<void> {
  const stop = new AbortController();
  let pieces = 0;
  await createRollUp({
    pool: database.pool,
    transact: transactionsOf(database.pool),
    nowMs: () => nowMs - daysBack * dayMs,
    pause: () => Promise.resolve(),
    pieceRows,
    onPiece: () => {
      pieces += 1;
      if (pieces === mostPieces) stop.abort();
    },
  })(stop.signal);
}

test('the record gives the same sums in every window, whatever of it is rolled up', async () => {
  const rows = Array.from({ length: 600 }, randomRow);
  await makePartitions(Math.floor(nowMs / dayMs) * dayMs - 45 * dayMs, 48);
  await insertUsageRows(database.pool, rows);
  await expectAll(rows);
  for (const daysBack of [30, random.between(2, 25)]) {
    await rollUp(daysBack, random.between(3, 12), random.between(3, 30));
    await expectAll(rows);
  }
  await rollUp(0, Infinity, 100);
  await expectAll(rows);
});

test('what was recorded where no partition was made counts while later days are rolled up before it', async () => {
  const rows = Array.from({ length: 100 }, randomRow);
  await makePartitions(Math.floor(nowMs / dayMs) * dayMs - 3 * dayMs, 3);
  await insertUsageRows(database.pool, rows);
  await rollUp(0, 3, 100);
  await expectAll(rows);
});

test('meters cut by another calendar are what the record says, in windows old and new', async () => {
  const { pool } = database;
  const rows = Array.from({ length: 600 }, randomRow);
  await makePartitions(Math.floor(nowMs / dayMs) * dayMs - 45 * dayMs, 48);
  await insertUsageRows(pool, rows);
  await pool.query(
    `INSERT INTO meter (org_id, meter_id)
     SELECT 'acme', id FROM unnest($1::text[]) AS id WHERE id <> 'org'`,
    [[...meters, 'team:red', 'user:idle']],
  );
  await repair(pool);
  await rollUp(random.between(0, 9), random.between(5, 60), 30);
  for (const calendar of calendars) {
    await transactionsOf(pool)((client) => rebuildWindows(client, 'acme', calendar, clock));
    expect(await differencesOf(pool, 'acme'), JSON.stringify(calendar)).toEqual([]);
    const starts = windowStarts(calendar, nowMs);
    const { rows: days } = await pool.query<{ meter_id: string; day: string; cost: string }>(
      `SELECT meter_id, day_start AS day, month_used_cost AS cost FROM meter WHERE org_id = 'acme'`,
    );
    for (const { meter_id: name, day, cost } of days) {
      const meter = meterNamed(name);
      expect(day).toBe(`${starts[windows.indexOf('DAY')]}`);
      const ofMonth = expected(rows, meter, starts)[windows.indexOf('MONTH')];
      expect(`MONTH ${cost} in`).toBe(ofMonth?.replace(/ in \d+$/, ' in'));
    }
  }
});

async function repair(pool: Pool): Promise<void> {
  await transactionsOf(pool)(async (client) => {
    await verifyOrganization(client, 'acme', true);
  });
}
