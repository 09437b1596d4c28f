import type { Pool, PoolClient } from 'pg';
import {
  forgetCalls,
  forgetThresholds,
  listPartitions,
  markRolled,
  rollUpDay,
  unrolledDays,
} from './sql/upkeep.ts';

/** How long things are kept. */
export interface Retention {
  /** Usage rows in full, in days; at least 40, so that every MONTH lies inside. */
  readonly usageDays: number;
  readonly eventDays: number;
  /** How long a request id names its call, in hours; at least 24. */
  readonly requestIdHours: number;
}

/** What one round did. */
export interface UpkeepRound {
  readonly rolledUp: number;
  readonly dropped: number;
  readonly forgotten: number;
}

const dayMs = 86_400_000;
const hourMs = 3_600_000;
const daysAhead = 7;
/** A day is rolled up this long after its end: no transaction that records in it is still open then. */
const settleMs = 600_000;
const callsPerRound = 20_000;
const partitioned = ['usage', 'enforcement_event'] as const;

/**
 * Keeps the ledger's tables in shape: makes partitions ahead, rolls up days that have ended, drops what is
 * past its retention, and only what was rolled up. Every step may be repeated or interrupted; several
 * replicas may run it at once.
 */
export function createUpkeep(options: { pool: Pool; nowMs: () => number; retention: Retention }) {
  const { pool, nowMs, retention } = options;
  return async function upkeep(): Promise<UpkeepRound> {
    const now = nowMs();
    for (const table of partitioned) await makePartitions(pool, table, now);
    const rolledUp = await rollUp(pool, dayOf(now - settleMs));
    const dropped =
      (await dropBefore(pool, 'usage', now - retention.usageDays * dayMs)) +
      (await dropBefore(pool, 'enforcement_event', now - retention.eventDays * dayMs));
    const horizonMs = now - retention.requestIdHours * hourMs;
    const { rowCount } = await pool.query(forgetCalls.text, [horizonMs, callsPerRound]);
    await pool.query(forgetThresholds.text, [now - 400 * dayMs]);
    return { rolledUp, dropped, forgotten: rowCount ?? 0 };
  };
}

async function makePartitions(pool: Pool, table: string, nowMs: number): Promise<void> {
  const existing = await partitionDays(pool, table);
  for (let ahead = 0; ahead <= daysAhead; ahead += 1) {
    const day = dayOf(nowMs + ahead * dayMs);
    if (!existing.has(day)) await makePartition(pool, table, day);
  }
}

async function makePartition(pool: Pool, table: string, day: string): Promise<void> {
  const name = `${table}_${day.replaceAll('-', '')}`;
  const next = dayOf(Date.parse(`${day}T00:00:00Z`) + dayMs);
  const range = `FROM ('${day} 00:00:00+00') TO ('${next} 00:00:00+00')`;
  try {
    await pool.query(
      `CREATE TABLE IF NOT EXISTS ${name} PARTITION OF ${table} FOR VALUES ${range}`,
    );
  } catch {
    // Rows of this day are in the default partition already, or another replica was first: both serve.
  }
}

/** Rolls up every recorded day that ended before `today`, one organization and day per transaction. */
async function rollUp(pool: Pool, today: string): Promise<number> {
  const { rows } = await pool.query<{ org_id: string; day: string }>(unrolledDays.text, [today]);
  let rolledUp = 0;
  for (const { org_id: orgId, day } of rows) {
    const client = await pool.connect();
    try {
      if (await rollUpOne(client, orgId, day)) rolledUp += 1;
    } finally {
      client.release();
    }
  }
  return rolledUp;
}

async function rollUpOne(client: PoolClient, orgId: string, day: string): Promise<boolean> {
  await client.query('BEGIN');
  try {
    await client.query(markRolled.text, [orgId, day]);
    await client.query(rollUpDay.text, [orgId, day]);
    await client.query('COMMIT');
    return true;
  } catch (cause) {
    await client.query('ROLLBACK');
    // Another replica has rolled it up: its mark is there.
    if (cause instanceof Error && 'code' in cause && cause.code === '23505') return false;
    throw cause;
  }
}

/** Drops whole days before an instant; of usage, only days of which everything was rolled up. */
async function dropBefore(pool: Pool, table: string, beforeMs: number): Promise<number> {
  let dropped = 0;
  for (const day of await partitionDays(pool, table)) {
    if (Date.parse(`${day}T00:00:00Z`) + dayMs > beforeMs) continue;
    if (table === 'usage' && (await hasUnrolled(pool, day))) continue;
    await pool.query(`DROP TABLE ${table}_${day.replaceAll('-', '')}`);
    dropped += 1;
  }
  return dropped;
}

async function hasUnrolled(pool: Pool, day: string): Promise<boolean> {
  const next = dayOf(Date.parse(`${day}T00:00:00Z`) + dayMs);
  const { rows } = await pool.query<{ day: string }>(unrolledDays.text, [next]);
  return rows.some((row) => row.day === day);
}

async function partitionDays(pool: Pool, table: string): Promise<Set<string>> {
  const { rows } = await pool.query<{ name: string }>(listPartitions.text, [table]);
  const digits = rows.map(({ name }) => name.slice(-8));
  return new Set(digits.map((day) => `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}`));
}

function dayOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10);
}
