import { dailyPartitions } from './daily-partitions.ts';

/** What the upkeep does: partitions ahead, and what is past its retention removed. */

/** The tables that are partitioned by day, by which column, and what else tells rows of an instant apart. */
const dayColumn = {
  usage: 'recorded_at',
  usage_quarter: 'starts_at',
  enforcement_event: 'at',
} as const;
const otherKey = {
  usage: ['id'],
  usage_quarter: ['subject', 'target'],
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
export function restHolds(table: Partitioned) {
  const at = dayColumn[table];
  return {
    text: `SELECT 1 FROM org o CROSS JOIN LATERAL (SELECT FROM ${table}_rest r WHERE r.org_id = o.org_id
  AND r.${at} >= $1::timestamptz AND r.${at} < $2::timestamptz LIMIT 1) one LIMIT 1`,
  };
}

/**
 * Removes rows before an instant from the partition for the rest; of usage, only those that were rolled up.
 * $1 timestamptz; $2 int: at most.
 */
export function forgetRest(table: Partitioned) {
  const at = dayColumn[table];
  const key = [at, ...otherKey[table]];
  const ofRow = key.map((column) => `r.${column}`).join(', ');
  const rolledUp = `AND (r.recorded_at, r.id) <= (SELECT d.rolled_to, d.rolled_to_id FROM usage_rolled d
        WHERE d.org_id = o.org_id)`;
  return {
    text: `DELETE FROM ${table}_rest WHERE (org_id, ${key.join(', ')}) IN (
  SELECT o.org_id, ${ofRow} FROM org o CROSS JOIN LATERAL (
    SELECT ${ofRow} FROM ${table}_rest r WHERE r.org_id = o.org_id AND r.${at} < $1::timestamptz
      ${table === 'usage' ? rolledUp : ''}
    ORDER BY r.${at} LIMIT $2::int) r
  LIMIT $2::int)`,
  };
}

/** Says of days before an instant that their quarters may be gone; then they are read as a whole. $1 timestamptz. */
export const withoutQuarters = {
  text: 'UPDATE usage_day SET has_quarters = false WHERE has_quarters AND starts_at < $1::timestamptz',
} as const;

/** Forgets calls past the idempotency horizon. $1 bigint: booked before (ms); $2 int: at most. */
export const forgetCalls = {
  text: `DELETE FROM call WHERE (org_id, request_id) IN (
  SELECT org_id, request_id FROM call
  WHERE booked_at < $1::bigint AND state <> 'OPEN' AND expires_at < $1::bigint
  ORDER BY booked_at LIMIT $2::int)`,
} as const;

/**
 * Forgets thresholds of windows that ended before the idempotency horizon: nothing is settled in them any
 * more. By start and greatest length, in days, a day that is put forward or back included.
 * $1 bigint: the horizon (ms); $2 int: at most.
 */
export const forgetThresholds = {
  text: `DELETE FROM threshold_reached
WHERE (org_id, limit_name, meter_id, threshold, time_window, window_start) IN (
  SELECT t.* FROM (VALUES ('TEN_SECONDS', 1), ('MINUTE', 1), ('HOUR', 1), ('DAY', 2), ('WEEK', 8),
    ('MONTH', 32)) AS w(time_window, days)
  CROSS JOIN LATERAL (
    SELECT org_id, limit_name, meter_id, threshold, time_window, window_start FROM threshold_reached
    WHERE time_window = w.time_window AND window_start < $1::bigint - w.days * 86400000::bigint
    LIMIT $2::int) t
  LIMIT $2::int)`,
} as const;
