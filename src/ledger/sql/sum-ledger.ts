import { windows } from '../../core/policy.ts';

/**
 * A meter's counters computed from the record: usage, its daily roll-up, and the open holds. Used where a
 * derived meter is born, where one is only read, and to prove that meters are what the ledger says.
 *
 *   $1 text      org_id
 *   $2 text      the base meter's name (without targets)
 *   $3 bigint[]  the start of each window but LIFETIME, ms
 *
 * One row per distinct target facts, so that targets are matched by the same code as everywhere. Rows of
 * rolled-up days count in LIFETIME through the roll-up; shorter windows lie inside the days kept in full.
 */
const sums = [
  ['cost', 'used_cost'],
  ['input', 'used_input'],
  ['output', 'used_output'],
  ['requests', 'used_requests'],
  ['held_cost', 'held_cost'],
  ['held_input', 'held_input'],
  ['held_output', 'held_output'],
] as const;

const aggregates = windows.flatMap((window, index) =>
  sums.map(([column]) => {
    const isIn = window === 'LIFETIME' ? 'counts' : `booked_at >= s.starts[${index + 1}]`;
    return `coalesce(sum(${column}) FILTER (WHERE ${isIn}), 0)::text`;
  }),
);

export const sumLedger = {
  name: 'sum-ledger',
  text: `WITH s AS (SELECT $3::bigint[] AS starts), entry AS (
  SELECT u.facts, u.booked_at, r.day IS NULL AS counts, u.cost, u.input, u.output, u.requests,
    0 AS held_cost, 0 AS held_input, 0 AS held_output, 0 AS in_flight
  FROM usage u LEFT JOIN usage_rolled r
    ON r.org_id = u.org_id AND r.day = (u.recorded_at AT TIME ZONE 'UTC')::date AND r.complete
  WHERE u.org_id = $1 AND u.subjects @> ARRAY[$2::text]
  UNION ALL
  SELECT d.facts, -1, true, d.cost, d.input, d.output, d.requests, 0, 0, 0, 0
  FROM usage_daily d JOIN usage_rolled r ON r.org_id = d.org_id AND r.day = d.recorded_day AND r.complete
  WHERE d.org_id = $1 AND d.subject = $2
  UNION ALL
  SELECT facts, booked_at, true, 0, 0, 0, 1, held_cost, held_input, held_output, 1
  FROM call WHERE org_id = $1 AND state = 'OPEN' AND subjects @> ARRAY[$2::text]
)
SELECT facts, coalesce(sum(in_flight), 0)::text, ${aggregates.join(', ')}
FROM entry, s GROUP BY facts`,
} as const;
