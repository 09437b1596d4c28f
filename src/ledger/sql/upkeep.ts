/** What the upkeep does: partitions ahead, the roll-up of ended days, and what is old dropped. */

/** Names and ranges of the daily partitions of one table. $1 text: the table. */
export const listPartitions = {
  text: `SELECT c.relname AS name FROM pg_inherits i
JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent
WHERE p.relname = $1 AND c.relname ~ '_[0-9]{8}$'`,
} as const;

/** Organizations with usage recorded before a day that is not rolled up. $1 date: the first day not ended. */
export const unrolledDays = {
  text: `SELECT DISTINCT u.org_id, (u.recorded_at AT TIME ZONE 'UTC')::date::text AS day FROM usage u
WHERE u.recorded_at < ($1::date AT TIME ZONE 'UTC') AND NOT EXISTS (
  SELECT 1 FROM usage_rolled r
  WHERE r.org_id = u.org_id AND r.day = (u.recorded_at AT TIME ZONE 'UTC')::date)`,
} as const;

/**
 * Rolls up one recorded day of one organization: adds to the days it was booked in. Exactly once, because
 * the mark is written in the same transaction and is the primary key that a second run stumbles over.
 * $1 text: org_id; $2 date: the recorded day.
 */
export const markRolled = {
  text: 'INSERT INTO usage_rolled (org_id, day) VALUES ($1, $2::date)',
} as const;

export const rollUpDay = {
  text: `INSERT INTO usage_daily AS d (org_id, day, subject, facts, cost, input, output, requests)
SELECT u.org_id, (to_timestamp(u.booked_at / 1000.0) AT TIME ZONE 'UTC')::date, s.subject, u.facts,
  sum(u.cost), sum(u.input), sum(u.output), sum(u.requests)
FROM usage u CROSS JOIN unnest(u.subjects) AS s(subject)
WHERE u.org_id = $1 AND u.recorded_at >= ($2::date AT TIME ZONE 'UTC')
  AND u.recorded_at < (($2::date + 1) AT TIME ZONE 'UTC')
GROUP BY 1, 2, 3, 4
ON CONFLICT (org_id, day, subject, facts) DO UPDATE SET cost = d.cost + excluded.cost,
  input = d.input + excluded.input, output = d.output + excluded.output,
  requests = d.requests + excluded.requests`,
} as const;

/** Forgets calls past the idempotency horizon. $1 bigint: booked before (ms); $2 int: at most. */
export const forgetCalls = {
  text: `DELETE FROM call WHERE (org_id, request_id) IN (
  SELECT org_id, request_id FROM call
  WHERE booked_at < $1::bigint AND state <> 'OPEN' AND expires_at < $1::bigint LIMIT $2)`,
} as const;

/** Forgets thresholds of windows long past. $1 bigint: windows that began before (ms). */
export const forgetThresholds = {
  text: `DELETE FROM threshold_told WHERE time_window <> 'LIFETIME' AND window_start < $1::bigint`,
} as const;
