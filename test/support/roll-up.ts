import type { Pool } from 'pg';
import { createRollUp } from '../../src/ledger/upkeep/roll-up.ts';
import type { RollUpOptions } from '../../src/ledger/upkeep/roll-up.ts';
import { createUpkeep } from '../../src/ledger/upkeep/upkeep.ts';
import { transactionsOf } from './usage-rows.ts';
import type { UsageRow } from './usage-rows.ts';

/** A roll-up without rests, unless a test has something to do in them. */
export function rollUpAt(
  pool: Pool,
  atMs: number,
  more: Partial<RollUpOptions> = {},
): ReturnType<typeof createRollUp> {
  const pause = (): Promise<void> => Promise.resolve();
  return createRollUp({ pool, transact: transactionsOf(pool), nowMs: () => atMs, pause, ...more });
}

/** Makes the partitions of a day, `2026-03-08`, and of the week after it. */
export async function makePartitions(pool: Pool, day: string): Promise<void> {
  const retention = { usageDays: 400, eventDays: 90, requestIdHours: 48 };
  const dayMs = Date.parse(`${day}T12:00:00Z`);
  await createUpkeep({ pool, transact: transactionsOf(pool), nowMs: () => dayMs, retention })();
}

/** A row of `acme` that was booked when it was recorded. */
export function usageRow(recordedAt: string, more: Partial<UsageRow> = {}): UsageRow {
  const usual = { orgId: 'acme', bookedAt: recordedAt, subjects: ['org', 'user:ann'] };
  return { ...usual, target: 'gpt-5', cost: 7n, recordedAt, ...more };
}
