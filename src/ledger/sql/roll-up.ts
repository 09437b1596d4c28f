import { quarterMs } from '../record/quarters.ts';
import { absentKindsOf, setsOf } from './usage-paths.ts';
import type { UpkeepStatement } from './upkeep-statement.ts';

/**
 * The roll-up of the usage ledger into `usage_quarter` and `usage_daily`, in pieces, of one organization at a time.
 *
 * Bounds come as `timestamptz` values, never as a date in SQL: what a date is compared as depends on the
 * session's time zone. They also let the planner choose the few partitions that are read.
 */

/** Less than the id of any row of usage. */
const noId = "'00000000-0000-0000-0000-000000000000'::uuid";

/**
 * The organizations of which one partition has rows that are not rolled up, by the index alone: its cost grows with
 * the organizations, not with the rows. `LIMIT 1` stands where EXISTS would, which the planner may turn into a join
 * with every row. $1 timestamptz: recorded before; $2 int: rows to skip, so that more than that many must wait.
 */
export function waitingOrganizations(partition: string): UpkeepStatement {
  const isWaiting = `u.recorded_at < $1::timestamptz
    AND (u.recorded_at, u.id) > (coalesce(r.rolled_to, '-infinity'), coalesce(r.rolled_to_id, ${noId}))
  ORDER BY u.recorded_at, u.id LIMIT 1 OFFSET $2::int`;
  return {
    text: `SELECT o.org_id FROM org o LEFT JOIN usage_rolled r ON r.org_id = o.org_id
CROSS JOIN LATERAL (
  SELECT FROM ${partition} u WHERE u.org_id = o.org_id AND ${isWaiting}) one
ORDER BY o.org_id`,
    perOrganizationText: `SELECT u.org_id FROM ${partition} u LEFT JOIN usage_rolled r ON r.org_id = u.org_id
WHERE u.org_id = $3::text AND ${isWaiting}`,
  };
}

const rollUpLock = 'pg_try_advisory_xact_lock(7045184311010)';

/** Whether this transaction is the one that rolls up; another replica's is not waited for. */
export const tryRollUpLock = { text: `SELECT ${rollUpLock} AS ours` } as const;

/**
 * From now on nothing of an organization is recorded before an instant. The organization's lock makes it true: calls
 * that are being booked are waited for, and later ones read it. One statement and a transaction of its own, so the lock
 * is held no longer than a commit takes, even if the process stops. Does nothing while another replica rolls up, whose
 * lock of the row would be waited for under the organization's. $1 text: org_id; $2 timestamptz.
 */
export const closeUsage = {
  text: `WITH turn AS MATERIALIZED (SELECT ${rollUpLock} AS ours), own AS MATERIALIZED (
  SELECT m.org_id FROM meter m, turn WHERE turn.ours AND m.org_id = $1 AND m.meter_id = 'org' FOR UPDATE OF m
), closed AS (
  INSERT INTO usage_rolled AS r (org_id, closed_to, rolled_to, rolled_to_id)
  SELECT org_id, $2::timestamptz, '-infinity', ${noId} FROM own
  ON CONFLICT (org_id) DO UPDATE SET closed_to = greatest(r.closed_to, excluded.closed_to)
)
SELECT ours FROM turn`,
} as const;

/** Locks the row that says how far an organization is, and reads it. $1 text: org_id. */
export const takeMark = {
  text: `SELECT r.closed_to::text, r.rolled_to::text, r.rolled_to_id, o.time_zone
FROM usage_rolled r JOIN org o ON o.org_id = r.org_id WHERE r.org_id = $1 FOR UPDATE OF r`,
} as const;

/**
 * The rows of a piece. $1 text: org_id; $2 timestamptz, $3 uuid: the last row that was added; $4 timestamptz: the end
 * of what is closed; $5 int: rows at most.
 */
const piece = `SELECT recorded_at, id, to_timestamp(booked_at / ${quarterMs} * ${quarterMs / 1000}) AS quarter,
    subjects, facts, coalesce(provider, '') AS provider, coalesce(service_tier, '') AS service_tier,
    cost, input, output, requests, units
  FROM usage
  WHERE org_id = $1 AND recorded_at >= $2::timestamptz AND recorded_at < $4::timestamptz
    AND (recorded_at, id) > ($2::timestamptz, $3::uuid)
  ORDER BY recorded_at, id LIMIT $5::int`;

/** The quarters of a piece that lie in no day yet, in milliseconds. Parameters as those of `rollUpPiece`. */
export const quartersWithoutDay = {
  text: `SELECT DISTINCT (extract(epoch FROM p.quarter) * 1000)::bigint::text AS at_ms
FROM (SELECT DISTINCT quarter FROM (${piece}) piece) p
WHERE NOT EXISTS (
  SELECT FROM usage_day d WHERE d.org_id = $1 AND d.starts_at <= p.quarter AND d.ends_at > p.quarter)`,
} as const;

/**
 * Makes the day of a quarter, where no other day is. $1 text: org_id; $2 timestamptz: the quarter; $3, $4 timestamptz:
 * where the day would begin and end.
 */
export const makeDay = {
  text: `INSERT INTO usage_day (org_id, starts_at, ends_at)
SELECT $1, greatest($3::timestamptz, before.ends_at), least($4::timestamptz, after.starts_at)
FROM (SELECT max(ends_at) AS ends_at FROM usage_day WHERE org_id = $1 AND starts_at <= $2::timestamptz) before,
  (SELECT min(starts_at) AS starts_at FROM usage_day WHERE org_id = $1 AND starts_at > $2::timestamptz) after
RETURNING (extract(epoch FROM ends_at) * 1000)::bigint::text AS ends_ms`,
} as const;

const addition = `cost = s.cost + excluded.cost, input = s.input + excluded.input,
    output = s.output + excluded.output, requests = s.requests + excluded.requests,
    unit_count = s.unit_count + excluded.unit_count`;

/**
 * Adds the next rows to the sums and moves the mark behind them. Exactly once, because sums and mark are written
 * together, by the transaction that has locked the mark (`takeMark`). Sums and single rows trade places in its commit.
 */
export const rollUpPiece = {
  text: `WITH piece AS MATERIALIZED (
  ${piece}
), named AS MATERIALIZED (
  SELECT facts, provider, service_tier, encode(substring(sha256(convert_to(
    facts || E'\\n' || provider || E'\\n' || service_tier, 'UTF8')) FROM 1 FOR 16), 'hex')::uuid AS target
  FROM (SELECT DISTINCT facts, provider, service_tier FROM piece) f
), path AS MATERIALIZED (
  ${setsOf('piece')}
), counted AS MATERIALIZED (
  SELECT subjects, path AS subject FROM path
  UNION ALL
  SELECT subjects, kind FROM (${absentKindsOf('piece')}) absent
  UNION ALL
  SELECT p.subjects, s.subject FROM (SELECT DISTINCT subjects FROM piece) p CROSS JOIN unnest(p.subjects) AS s(subject)
), booked AS MATERIALIZED (
  SELECT p.quarter, p.subjects, n.target, sum(p.cost) AS cost, sum(p.input) AS input, sum(p.output) AS output,
    sum(p.requests) AS requests
  FROM piece p JOIN named n USING (facts, provider, service_tier) GROUP BY 1, 2, 3
), summed AS MATERIALIZED (
  SELECT b.quarter, c.subject, b.target, '' AS unit, sum(b.cost) AS cost, sum(b.input) AS input,
    sum(b.output) AS output, sum(b.requests) AS requests, 0 AS unit_count
  FROM booked b JOIN counted c USING (subjects)
  GROUP BY 1, 2, 3
  UNION ALL
  SELECT p.quarter, c.subject, n.target, u.key, 0, 0, 0, 0, sum(u.value::numeric)
  FROM piece p JOIN named n USING (facts, provider, service_tier) JOIN counted c USING (subjects)
    CROSS JOIN LATERAL jsonb_each_text(p.units) AS u
  WHERE p.units IS NOT NULL GROUP BY 1, 2, 3, 4
), targets AS (
  INSERT INTO usage_target (org_id, target, facts, provider, service_tier)
  SELECT $1, target, facts, provider, service_tier FROM named ON CONFLICT DO NOTHING
), paths AS (
  INSERT INTO usage_path (org_id, path, subjects) SELECT DISTINCT $1, path, members FROM path
  ON CONFLICT DO NOTHING RETURNING path, subjects
), members AS (
  INSERT INTO usage_path_of (org_id, subject, path)
  SELECT $1, m.subject, p.path FROM paths p CROSS JOIN unnest(p.subjects) AS m(subject) ON CONFLICT DO NOTHING
), quarters AS (
  INSERT INTO usage_quarter AS s (org_id, starts_at, subject, target, unit, cost, input, output, requests, unit_count)
  SELECT $1, quarter, subject, target, unit, cost, input, output, requests, unit_count FROM summed
  ON CONFLICT (org_id, subject, starts_at, target, unit) DO UPDATE SET ${addition}
), days AS (
  INSERT INTO usage_daily AS s (org_id, starts_at, subject, target, unit, cost, input, output, requests, unit_count)
  SELECT $1, d.starts_at, q.subject, q.target, q.unit, sum(q.cost), sum(q.input), sum(q.output), sum(q.requests),
    sum(q.unit_count)
  FROM summed q JOIN usage_day d ON d.org_id = $1 AND d.starts_at <= q.quarter AND d.ends_at > q.quarter
  GROUP BY 2, 3, 4, 5
  ON CONFLICT (org_id, subject, starts_at, target, unit) DO UPDATE SET ${addition}
)
UPDATE usage_rolled r SET rolled_to = last.recorded_at, rolled_to_id = last.id
FROM (SELECT recorded_at, id, (SELECT count(*)::int FROM piece) AS rows FROM piece
  ORDER BY recorded_at DESC, id DESC LIMIT 1) last
WHERE r.org_id = $1
RETURNING last.rows`,
} as const;
