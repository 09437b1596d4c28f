import { dailyPartitions } from './daily-partitions.ts';

/**
 * The roll-up of the usage ledger into `usage_daily`, by recorded day (UTC) of one organization, in pieces.
 *
 * Bounds come as `timestamptz` values, never as a date in SQL: what a date is compared as depends on the
 * session's time zone. They also let the planner choose the one partition that is read.
 */

/** Partitions of usage of ended days that are not known to be complete. $1 text: the first day that has not ended. */
export const openPartitions = {
  text: `SELECT to_char(p.day, 'YYYY-MM-DD') AS day, p.name FROM (${dailyPartitions("'usage'")}) p
WHERE p.day < $1::date
  AND NOT EXISTS (SELECT 1 FROM usage_rolled r WHERE r.org_id = '' AND r.day = p.day)
ORDER BY p.day`,
} as const;

/**
 * The organizations and recorded days of one partition that are not complete, by the index alone: its cost
 * grows with the organizations (and days, of the partition for the rest), not with the rows. `LIMIT 1` and a
 * scalar query stand where EXISTS would, which the planner may turn into a join with every row.
 * $1 timestamptz: the end of the days to look at.
 */
export function waitingDays(partition: string) {
  return {
    text: `SELECT o.org_id, to_char(d.day, 'YYYY-MM-DD') AS day FROM org o
CROSS JOIN LATERAL (
  SELECT min(u.recorded_at) AS first, max(u.recorded_at) AS last FROM ${partition} u
  WHERE u.org_id = o.org_id AND u.recorded_at < $1::timestamptz) span
CROSS JOIN LATERAL generate_series(date_trunc('day', span.first AT TIME ZONE 'UTC'),
  span.last AT TIME ZONE 'UTC', interval '1 day') AS d(day)
CROSS JOIN LATERAL (
  SELECT FROM ${partition} u WHERE u.org_id = o.org_id AND u.recorded_at >= d.day AT TIME ZONE 'UTC'
    AND u.recorded_at < (d.day + interval '1 day') AT TIME ZONE 'UTC' LIMIT 1) one
WHERE (SELECT r.complete FROM usage_rolled r WHERE r.org_id = o.org_id AND r.day = d.day::date) IS NOT TRUE
ORDER BY d.day, o.org_id`,
  };
}

/** Notes that every organization of a day's partition is complete. $1 date. */
export const markPartition = {
  text: `INSERT INTO usage_rolled (org_id, day) VALUES ('', $1::date) ON CONFLICT DO NOTHING`,
} as const;

/**
 * Whether a transaction that writes has been open for so long that it may still record into a day that has
 * ended. $1 bigint: how long, in ms.
 */
export const openWriters = {
  text: `SELECT 1 FROM pg_stat_activity
WHERE datname = current_database() AND backend_xid IS NOT NULL AND pid <> pg_backend_pid()
  AND xact_start < clock_timestamp() - $1::bigint * interval '1 millisecond' LIMIT 1`,
} as const;

/** Whether this transaction is the one that rolls up; another replica's is not waited for. */
export const tryRollUpLock = {
  text: 'SELECT pg_try_advisory_xact_lock(7045184311010) AS ours',
} as const;

/**
 * Takes the row that says how far a day is, or makes it, and locks it; a complete day is told.
 * $1 text: org_id; $2 date: the recorded day.
 */
export const takeDay = {
  text: `INSERT INTO usage_rolled (org_id, day, complete, rolled_to, rolled_to_id)
VALUES ($1, $2::date, false, '-infinity', '00000000-0000-0000-0000-000000000000')
ON CONFLICT (org_id, day) DO UPDATE SET complete = usage_rolled.complete RETURNING complete`,
} as const;

/**
 * Adds the next rows of a day to `usage_daily` and moves its place behind them; the piece that finds fewer
 * than it may take completes the day. Exactly once, because sums and place are written together, by the
 * transaction that holds the place's lock (`takeDay`, a statement before: so this one sees where it is).
 * $1 text: org_id; $2 date: the recorded day; $3, $4 timestamptz: its bounds; $5 int: rows at most.
 */
export const rollUpPiece = {
  text: `WITH place AS MATERIALIZED (
  SELECT rolled_to, rolled_to_id FROM usage_rolled WHERE org_id = $1 AND day = $2::date
), piece AS MATERIALIZED (
  SELECT recorded_at, id, date '1970-01-01' + (booked_at / 86400000)::int AS day, subjects, facts,
    cost, input, output, requests
  FROM usage
  WHERE org_id = $1 AND recorded_at >= $3::timestamptz AND recorded_at < $4::timestamptz
    AND (recorded_at, id) > ((SELECT rolled_to FROM place), (SELECT rolled_to_id FROM place))
  ORDER BY recorded_at, id LIMIT $5::int
), summed AS (
  INSERT INTO usage_daily AS d (org_id, recorded_day, day, subject, facts, cost, input, output, requests)
  SELECT $1, $2::date, p.day, s.subject, p.facts, sum(p.cost), sum(p.input), sum(p.output),
    sum(p.requests)
  FROM piece p CROSS JOIN unnest(p.subjects) AS s(subject)
  GROUP BY 3, 4, 5
  ON CONFLICT (org_id, recorded_day, day, subject, facts) DO UPDATE SET cost = d.cost + excluded.cost,
    input = d.input + excluded.input, output = d.output + excluded.output,
    requests = d.requests + excluded.requests
), reached AS (
  SELECT recorded_at, id FROM piece ORDER BY recorded_at DESC, id DESC LIMIT 1
)
UPDATE usage_rolled r SET complete = n.rows < $5::int,
  rolled_to = coalesce((SELECT recorded_at FROM reached), r.rolled_to),
  rolled_to_id = coalesce((SELECT id FROM reached), r.rolled_to_id)
FROM (SELECT count(*)::int AS rows FROM piece) n
WHERE r.org_id = $1 AND r.day = $2::date
RETURNING n.rows, r.complete`,
} as const;
