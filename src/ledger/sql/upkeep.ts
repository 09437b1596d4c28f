import { dailyPartitions } from './daily-partitions.ts';
import type { UpkeepStatement } from './upkeep-statement.ts';

/** What the upkeep does: partitions ahead, and what is past its retention removed. */

/** The tables that are partitioned by day, by which column, and the columns that distinguish rows of one instant. */
const dayColumn = {
  usage: 'recorded_at',
  usage_quarter: 'starts_at',
  enforcement_event: 'at',
} as const;
const otherKey = {
  usage: ['id'],
  usage_quarter: ['subject', 'target', 'unit'],
  enforcement_event: ['id'],
} as const;

/** A table that is partitioned by day. */
export type Partitioned = keyof typeof dayColumn;

/** The days of a table's daily partitions, oldest first. $1 text: the table. */
export const listPartitions = {
  text: `SELECT to_char(p.day, 'YYYY-MM-DD') AS day FROM (${dailyPartitions('$1')}) p ORDER BY p.day`,
} as const;

/**
 * How long a statement that needs a table for itself may wait for it: so long do calls queue behind it. It is
 * tried again in the next round.
 */
export const boundLockWait = { text: `SET LOCAL lock_timeout = '100ms'` } as const;

/**
 * Makes a day's partition beside the table and attaches it, which stops no call: `CREATE TABLE … PARTITION OF`
 * would lock the whole table. PostgreSQL reads the partition for the rest meanwhile, which is empty as a rule.
 */
export function addPartition(table: string, name: string, start: string, end: string) {
  return {
    create: `CREATE TABLE ${name} (LIKE ${table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)`,
    attach: `ALTER TABLE ${table} ATTACH PARTITION ${name} FOR VALUES FROM ('${start}') TO ('${end}')`,
  };
}

/**
 * Whether this transaction is the one that makes and drops partitions of a table; another replica's is not
 * waited for. $1 text: the table.
 */
export const tryPartitionLock = {
  text: `SELECT pg_try_advisory_xact_lock(1640366, $1::regclass::oid::int) AS ours`,
} as const;

/**
 * Whether the partition for the rest has rows between two instants; then they cannot have one of their own.
 * $1, $2 timestamptz, the second exclusive.
 */
export function restHolds(table: Partitioned): UpkeepStatement {
  const at = dayColumn[table];
  const isBetween = `r.${at} >= $1::timestamptz AND r.${at} < $2::timestamptz`;
  return {
    text: `SELECT 1 FROM org o CROSS JOIN LATERAL (SELECT FROM ${table}_rest r WHERE r.org_id = o.org_id
  AND ${isBetween} LIMIT 1) one LIMIT 1`,
    perOrganizationText: `SELECT 1 FROM ${table}_rest r WHERE ${isBetween} AND r.org_id = $3::text LIMIT 1`,
  };
}

/**
 * Removes rows before an instant from the partition for the rest; of usage, only those that were rolled up.
 * $1 timestamptz; $2 int: at most.
 */
export function forgetRest(table: Partitioned): UpkeepStatement {
  const at = dayColumn[table];
  const key = [at, ...otherKey[table]];
  const ofRow = key.map((column) => `r.${column}`).join(', ');
  const found = (orgId: string): string => `r.org_id = ${orgId} AND r.${at} < $1::timestamptz
      ${table === 'usage' ? rolledUp(orgId) : ''}
    ORDER BY r.${at} LIMIT $2::int`;
  const remove = `DELETE FROM ${table}_rest WHERE (org_id, ${key.join(', ')}) IN (`;
  return {
    text: `${remove}
  SELECT o.org_id, ${ofRow} FROM org o CROSS JOIN LATERAL (
    SELECT ${ofRow} FROM ${table}_rest r WHERE ${found('o.org_id')}) r
  LIMIT $2::int)`,
    perOrganizationText: `${remove}
  SELECT r.org_id, ${ofRow} FROM ${table}_rest r WHERE ${found('$3::text')}) AND org_id = $3::text`,
  };
}

function rolledUp(orgId: string): string {
  return `AND (r.recorded_at, r.id) <= (SELECT d.rolled_to, d.rolled_to_id FROM usage_rolled d
        WHERE d.org_id = ${orgId})`;
}

const withoutQuartersOfAll =
  'UPDATE usage_day SET has_quarters = false WHERE has_quarters AND starts_at < $1::timestamptz';

/** Says of days before an instant that their quarters may be gone; then they are read as a whole. $1 timestamptz. */
export const withoutQuarters: UpkeepStatement = {
  text: withoutQuartersOfAll,
  perOrganizationText: `${withoutQuartersOfAll} AND org_id = $2::text`,
};
