import { quarterMs } from '../record/quarters.ts';

/**
 * The units that the record has of a base meter since an instant, by the facts of the targets: the sums of days, those of
 * quarters for the day that the instant lies in, and single rows, which are those recorded after the organization's
 * mark and those of the quarter that the instant lies in. An index finds single rows that have units, so that they
 * are read apart from all others.
 *
 *   $1 text         org_id
 *   $2 text         the name of the base meter (without targets)
 *   $3 timestamptz  the instant, -infinity for LIFETIME; $4 bigint: the same in milliseconds, the least bigint for LIFETIME
 *   $5 int          rows at most, those with the largest sums
 */
const noId = "'00000000-0000-0000-0000-000000000000'::uuid";
const isOurs = `u.org_id = $1 AND u.units IS NOT NULL AND u.subjects @> ARRAY[$2::text] AND u.booked_at >= $4::bigint`;
/** A row is recorded after it was booked, but for a clock that was set back a little in between. */
const isNearby = `u.recorded_at > $3::timestamptz - interval '1 day'`;

export const sumUnits = {
  text: `WITH mark AS MATERIALIZED (
  SELECT coalesce(max(rolled_to), '-infinity') AS at, coalesce((array_agg(rolled_to_id))[1], ${noId}) AS id
  FROM usage_rolled WHERE org_id = $1
), single AS (
  SELECT u.facts, u.units FROM usage u WHERE ${isOurs} AND u.recorded_at >= (SELECT at FROM mark)
    AND (u.recorded_at, u.id) > ((SELECT at FROM mark), (SELECT id FROM mark))
  UNION ALL
  SELECT u.facts, u.units FROM usage u WHERE ${isOurs} AND ${isNearby}
    AND u.booked_at % ${quarterMs} > 0 AND u.booked_at / ${quarterMs} = $4::bigint / ${quarterMs}
    AND $4::bigint % ${quarterMs} > 0
    AND (u.recorded_at, u.id) <= ((SELECT at FROM mark), (SELECT id FROM mark))
), summed AS (
  SELECT s.target, s.unit, s.unit_count FROM usage_day d JOIN usage_quarter s ON s.org_id = d.org_id
    AND s.starts_at >= $3::timestamptz AND s.starts_at < d.ends_at
  WHERE d.org_id = $1 AND d.has_quarters AND d.starts_at < $3::timestamptz
    AND d.starts_at > $3::timestamptz - interval '48 hours' AND d.ends_at > $3::timestamptz
    AND s.subject = $2::text AND s.unit <> ''
  UNION ALL
  SELECT s.target, s.unit, s.unit_count FROM usage_daily s
  WHERE s.org_id = $1 AND s.subject = $2::text AND s.starts_at >= $3::timestamptz AND s.unit <> ''
), entry AS (
  SELECT s.facts, e.key AS unit, e.value::numeric AS count
  FROM single s CROSS JOIN LATERAL jsonb_each_text(s.units) AS e
  UNION ALL
  SELECT t.facts, s.unit, s.count
  FROM (SELECT target, unit, sum(unit_count) AS count FROM summed GROUP BY 1, 2) s
  JOIN usage_target t ON t.org_id = $1 AND t.target = s.target
)
SELECT facts, unit, sum(count)::text FROM entry GROUP BY facts, unit ORDER BY sum(count) DESC, unit LIMIT $5::int`,
} as const;
