import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseMeterName } from '../../../src/core/meter.ts';
import type { Meter } from '../../../src/core/meter.ts';
import { windowAt } from '../../../src/core/window.ts';
import type { Calendar } from '../../../src/core/window.ts';
import { readParts } from '../../../src/ledger/record/record-parts.ts';
import { withoutQuarters } from '../../../src/ledger/sql/upkeep.ts';
import { createRollUp } from '../../../src/ledger/upkeep/roll-up.ts';
import { createTestDatabase } from '../../support/database.ts';
import type { TestDatabase } from '../../support/database.ts';
import { anyChange, plainOrganization, policyStoreOf } from '../../support/organization.ts';
import { createRandom } from '../../support/random.ts';
import { insertUsageRows, transactionsOf } from '../../support/usage-rows.ts';
import type { UsageRow } from '../../support/usage-rows.ts';

/*
 * Seen red with each of these faults: days of UTC, whatever the organization's zone; days that overlap after a change of
 * the zone; a day without its first quarter; hours in place of quarters; a day that is cut read by quarters that are gone.
 */
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** Half and three quarter hours, clocks that are moved at midnight and by half an hour, a day of 23 and one of 25 hours. */
const timeZones = [
  'Asia/Kathmandu',
  'Asia/Kolkata',
  'America/St_Johns',
  'Australia/Lord_Howe',
  'Africa/Cairo',
  'Europe/Lisbon',
  'Pacific/Chatham',
  'UTC',
];
const meters = ['org', 'org@gpt-5', 'org@gpt-*', 'user:ann@gpt-4o', 'team:red/user:ben'].map(named);
const random = createRandom();
let database: TestDatabase;

beforeEach(async () => {
  database = await createTestDatabase();
});

afterEach(() => database.drop());

function named(name: string): Meter {
  const meter = parseMeterName(name);
  if (meter === undefined) throw new Error(`${name} names no meter`);
  return meter;
}

function calendarOf(timeZone: string): Calendar {
  return { timeZone, weekStart: 1, monthAnchorDay: random.pick([1, 15, 31]) };
}

async function createOrganization(orgId: string, calendar: Calendar): Promise<void> {
  const store = policyStoreOf(database.pool, () => 0);
  await store.createOrganization({ ...plainOrganization(orgId), calendar }, anyChange);
}

/** Calls between two instants, often close to a day's beginning, some of them reported days later. */
function randomRows(orgId: string, calendar: Calendar, fromMs: number, toMs: number): UsageRow[] {
  return Array.from({ length: 250 }, () => {
    const anyMs = random.between(fromMs, toMs);
    const { startMs } = windowAt(calendar, 'DAY', anyMs);
    const nearMs = startMs + random.between(-hourMs, 2 * hourMs);
    const bookedMs = random.pick([anyMs, nearMs, startMs, startMs - 1]);
    const lateMs = random.pick([0, 0, 5_000, 50 * hourMs]);
    const user = random.pick(['ann', 'ben']);
    return {
      orgId,
      bookedAt: new Date(bookedMs).toISOString(),
      recordedAt: new Date(bookedMs + lateMs).toISOString(),
      subjects: ['org', `user:${user}`, 'team:red', `team:red/user:${user}`],
      target: random.pick(['gpt-5', 'gpt-4o', 'claude']),
      cost: BigInt(random.between(1, 1_000_000)),
    };
  });
}

async function rollUpAll(nowMs: number): Promise<void> {
  const pass = await createRollUp({
    pool: database.pool,
    transact: transactionsOf(database.pool),
    nowMs: () => nowMs,
    pause: () => Promise.resolve(),
    pieceRows: random.between(20, 90),
  })();
  expect(pass).toMatchObject({ waiting: 0, left: undefined });
}

/** The beginnings of the windows of a calendar between two instants, and the end of the last. */
function cutsOf(
  calendar: Calendar,
  window: 'HOUR' | 'DAY' | 'MONTH',
  fromMs: number,
  toMs: number,
): number[] {
  const cuts = [windowAt(calendar, window, fromMs).startMs];
  for (let atMs = cuts[0] ?? 0; atMs < toMs;)
    cuts.push((atMs = windowAt(calendar, window, atMs).endMs));
  return cuts;
}

/** What the sums say of each part between two cuts, as `cost in requests`. */
async function told(orgId: string, meter: Meter, cutsMs: readonly number[]): Promise<string[]> {
  const fromMs = (cutsMs[0] ?? 0) - 2 * dayMs;
  const partsOf = await readParts(database.pool, orgId, [meter], { cutsMs, fromMs });
  const parts = partsOf(meter).parts.slice(1, -1);
  return parts.map(({ sums: [cost, input, , requests] }) => `${cost} ${input} in ${requests}`);
}

function expected(rows: readonly UsageRow[], meter: Meter, cutsMs: readonly number[]): string[] {
  const base = meter.name.split('@')[0] ?? '';
  const own = rows.filter(
    ({ subjects, target }) =>
      subjects.includes(base) &&
      (meter.targets.length === 0 ||
        meter.targets.some((name) => name === target || (name === 'gpt-*' && target !== 'claude'))),
  );
  return cutsMs.slice(1).map((endMs, index) => {
    const inside = own.filter(({ bookedAt }) => {
      const atMs = Date.parse(bookedAt);
      return atMs >= (cutsMs[index] ?? 0) && atMs < endMs;
    });
    const cost = inside.reduce((sum, one) => sum + one.cost, 0n);
    return `${cost} ${2n * cost} in ${inside.length}`;
  });
}

async function expectParts(
  orgId: string,
  rows: readonly UsageRow[],
  cutsMs: readonly number[],
): Promise<void> {
  for (const meter of meters) {
    const label = `${orgId} ${meter.name}`;
    expect(await told(orgId, meter, cutsMs), label).toEqual(expected(rows, meter, cutsMs));
  }
}

/** The clocks of all these zones but three are moved between these instants. */
const [fromMs, toMs] = [Date.parse('2026-03-20T00:00:00Z'), Date.parse('2026-05-01T00:00:00Z')];

test.each(timeZones)(
  'in %s hours, days and months are exact from sums alone, and days when quarters are gone too',
  async (timeZone) => {
    const calendar = calendarOf(timeZone);
    await createOrganization('acme', calendar);
    const rows = randomRows('acme', calendar, fromMs, toMs);
    await insertUsageRows(database.pool, rows);
    await rollUpAll(toMs + 4 * dayMs);
    await database.pool.query('DELETE FROM usage');
    for (const window of ['HOUR', 'DAY', 'MONTH'] as const) {
      await expectParts('acme', rows, cutsOf(calendar, window, fromMs - dayMs, toMs + dayMs));
    }
    // As the upkeep does it for those that are ninety days old.
    const middleMs = random.between(fromMs, toMs);
    await database.pool.query(withoutQuarters.text, [new Date(middleMs).toISOString()]);
    await database.pool.query('DELETE FROM usage_quarter WHERE starts_at < $1', [
      new Date(middleMs),
    ]);
    for (const window of ['DAY', 'MONTH'] as const) {
      await expectParts('acme', rows, cutsOf(calendar, window, fromMs - dayMs, toMs + dayMs));
    }
  },
  60_000,
);

test('after a change of the time zone, days are those of the new zone from quarters, and as they were cut without', async () => {
  const [before, after] = [calendarOf('America/St_Johns'), calendarOf('Asia/Kathmandu')];
  await createOrganization('acme', before);
  const changeMs = Date.parse('2026-04-10T12:00:00Z');
  const isRecordedAfterChange = (row: UsageRow): boolean => Date.parse(row.recordedAt) >= changeMs;
  const early = randomRows('acme', before, fromMs, changeMs);
  const late = randomRows('acme', after, changeMs, toMs).filter(isRecordedAfterChange);
  await insertUsageRows(
    database.pool,
    early.filter((row) => !isRecordedAfterChange(row)),
  );
  await rollUpAll(changeMs + 2 * 60_000);
  await database.pool.query(`UPDATE org SET time_zone = $1`, [after.timeZone]);
  await insertUsageRows(database.pool, [...early.filter(isRecordedAfterChange), ...late]);
  const rows = [...early, ...late];
  await rollUpAll(toMs + 4 * dayMs);
  await database.pool.query('DELETE FROM usage');
  // From before the first old day, which begins before its first call.
  const cutsMs = cutsOf(after, 'DAY', fromMs - 3 * dayMs, toMs + dayMs);
  await expectParts('acme', rows, cutsMs);

  await database.pool.query('UPDATE usage_day SET has_quarters = false');
  await database.pool.query('DELETE FROM usage_quarter');
  const { rows: days } = await database.pool.query<{ start: string; end: string }>(
    `SELECT extract(epoch FROM starts_at) * 1000 AS start, extract(epoch FROM ends_at) * 1000 AS "end"
     FROM usage_day ORDER BY starts_at`,
  );
  const bounds = days.map(({ start, end }) => [Number(start), Number(end)] as const);
  for (const [index, [start]] of bounds.entries()) {
    expect(start).toBeGreaterThanOrEqual(bounds[index - 1]?.[1] ?? 0);
  }
  const asCut = [...new Set(bounds.flat())].toSorted((a, b) => a - b);
  await expectParts('acme', rows, asCut);
  // A day that is cut counts wholly where it begins: nothing is lost, and nothing counts twice.
  for (const meter of meters) {
    const ends = [cutsMs[0] ?? 0, cutsMs.at(-1) ?? 0];
    const [all] = expected(rows, meter, ends);
    const sums = (await told('acme', meter, cutsMs)).map((one) => BigInt(one.split(' ')[0] ?? ''));
    expect(all?.split(' ')[0]).toBe(`${sums.reduce((sum, one) => sum + one, 0n)}`);
  }
  const oldDays = cutsOf(before, 'DAY', fromMs - dayMs, changeMs - 2 * dayMs);
  await expectParts('acme', rows, oldDays);
});
