import type { Pool } from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { windows } from '../../../src/core/policy.ts';
import type { Window } from '../../../src/core/policy.ts';
import { windowStarts } from '../../../src/ledger/meters/call-delta.ts';
import { verifyOrganization } from '../../../src/ledger/record/verify.ts';
import { withoutQuarters } from '../../../src/ledger/sql/upkeep.ts';
import { createRollUp } from '../../../src/ledger/upkeep/roll-up.ts';
import { createTestDatabase } from '../../support/database.ts';
import type { TestDatabase } from '../../support/database.ts';
import { anyChange, plainOrganization, policyStoreOf } from '../../support/organization.ts';
import { insertUsageRows, transactionsOf } from '../../support/usage-rows.ts';
import { differencesOf } from '../../support/verified.ts';

/*
 * Seen red with each of these faults: quarters left out, or counted beside their day; rolled rows counted again; every
 * window compared, and none since the mark.
 */
const nowMs = Date.parse('2026-03-10T09:07:23Z');
const calendar = { timeZone: 'Asia/Kolkata', weekStart: 1, monthAnchorDay: 1 };
let database: TestDatabase;
let pool: Pool;

beforeEach(async () => {
  database = await createTestDatabase();
  pool = database.pool;
  const store = policyStoreOf(pool, () => nowMs);
  await store.createOrganization({ ...plainOrganization('acme'), calendar }, anyChange);
  const at = ['09:07:23', '09:07:01', '09:00:00', '08:59:59', '08:29:59', '03:00:00'];
  const old = [
    '2026-03-09T20:00:00Z',
    '2026-03-08T18:30:00Z',
    '2026-03-08T18:29:59Z',
    '2026-01-01T00:00:00Z',
  ];
  await insertUsageRows(
    pool,
    [...at.map((time) => `2026-03-10T${time}Z`), ...old].map((time, index) => ({
      orgId: 'acme',
      bookedAt: time,
      recordedAt: time,
      subjects: ['org'],
      target: 'gpt-5',
      cost: 10n ** BigInt(index),
    })),
  );
  const starts = windows.slice(0, -1).map((window, at) => `${window}_start = $${at + 1}`);
  await pool.query(
    `UPDATE meter SET ${starts.join(', ')}`,
    windowStarts(calendar, nowMs).slice(0, -1),
  );
  await transactionsOf(pool)((client) => verifyOrganization(client, 'acme', true));
});

afterEach(() => database.drop());

async function rollUp(atMs: number): Promise<void> {
  await createRollUp({
    pool,
    transact: transactionsOf(pool),
    nowMs: () => atMs,
    pause: () => Promise.resolve(),
  })();
}

/** The windows in which a counter that is wrong is found. */
async function windowsSeen(): Promise<Window[]> {
  expect(await differencesOf(pool, 'acme')).toEqual([]);
  const seen: Window[] = [];
  for (const window of windows) {
    const column = `${window.toLowerCase()}_used_cost`;
    await pool.query(`UPDATE meter SET ${column} = ${column} + 1`);
    const found = await differencesOf(pool, 'acme');
    if (found.length > 0) seen.push(window);
    await pool.query(`UPDATE meter SET ${column} = ${column} - 1`);
  }
  return seen;
}

test('sums of every window are what its calls cost, before the roll-up and after', async () => {
  const costs = async (): Promise<unknown> => {
    const columns = windows.map((window) => `${window}_used_cost::text AS "${window}"`);
    return (await pool.query(`SELECT ${columns.join(', ')} FROM meter WHERE org_id = 'acme'`))
      .rows[0];
  };
  const expected = {
    TEN_SECONDS: '1',
    MINUTE: '11',
    HOUR: '1111',
    DAY: '1111111',
    WEEK: '11111111',
    MONTH: '111111111',
    LIFETIME: '1111111111',
  };
  expect(await costs()).toEqual(expected);
  await rollUp(nowMs);
  await transactionsOf(pool)((client) => verifyOrganization(client, 'acme', true));
  expect(await costs()).toEqual(expected);
});

test('a wrong counter is found in every window of which the record tells the beginning', async () => {
  expect(await windowsSeen()).toEqual(windows);
  await rollUp(nowMs);
  expect(await windowsSeen()).toEqual(windows);
  await rollUp(nowMs + 3_600_000);
  const aligned = ['HOUR', 'DAY', 'WEEK', 'MONTH', 'LIFETIME'];
  expect(await windowsSeen()).toEqual(aligned);
  await pool.query(withoutQuarters.text, ['2026-04-01T00:00:00Z']);
  await pool.query('DELETE FROM usage_quarter');
  expect(await windowsSeen()).toEqual(aligned.slice(1));
});
