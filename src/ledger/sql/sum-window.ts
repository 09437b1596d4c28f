/**
 * What the record says of one base meter in one window that is over: usage booked in it, and open holds.
 *
 *   $1 text    org_id
 *   $2 text    the base meter's name (without targets)
 *   $3 bigint  the window's start, ms; $4 bigint: its end, ms, exclusive
 *
 * One row per distinct target facts.
 */
export const sumWindow = {
  name: 'sum-window',
  text: `WITH entry AS (
  SELECT facts, cost, input, output, requests, 0 AS held_cost, 0 AS held_input, 0 AS held_output
  FROM usage
  WHERE org_id = $1 AND booked_at >= $3::bigint AND booked_at < $4::bigint AND subjects @> ARRAY[$2::text]
  UNION ALL
  SELECT facts, 0, 0, 0, 1, held_cost, held_input, held_output
  FROM call
  WHERE org_id = $1 AND state = 'OPEN' AND booked_at >= $3::bigint AND booked_at < $4::bigint
    AND subjects @> ARRAY[$2::text]
)
SELECT facts, sum(cost)::text, sum(input)::text, sum(output)::text, sum(requests)::text,
  sum(held_cost)::text, sum(held_input)::text, sum(held_output)::text
FROM entry GROUP BY facts`,
} as const;
