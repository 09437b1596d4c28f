import { columns } from './apply-deltas.ts';

/** What a change of usage reads and is booked by, under the organization's lock. All of one organization: $1 text. */

/** Its calendar, and from when on usage may be recorded. */
export const readCalendar = {
  text: `SELECT o.time_zone, o.week_start, o.month_anchor_day,
  coalesce(ceil(extract(epoch FROM r.closed_to) * 1000), 0)::bigint::text AS record_from_ms
FROM org o LEFT JOIN usage_rolled r ON r.org_id = o.org_id WHERE o.org_id = $1`,
} as const;

/** A call that is still kept. $2 text: its request id. */
export const readCallToAdjust = {
  text: `SELECT subjects, facts, booked_at::text, detail FROM call WHERE org_id = $1 AND request_id = $2`,
} as const;

/** What the record has of a call, corrections included. $2 text: its request id; $3 bigint: when it was booked (ms). */
export const sumOfCall = {
  text: `SELECT coalesce(sum(cost), 0)::text AS cost, coalesce(sum(input), 0)::text AS input,
  coalesce(sum(output), 0)::text AS output FROM usage
WHERE org_id = $1 AND booked_at = $3::bigint AND request_id = $2`,
} as const;

const numbers = columns.map(({ name }) => `m.${name}::text`).join(', ');

/** The rows of base meters, and of all that narrow them by targets. $2 text[]: the names of the base meters. */
export const readChargedMeters = {
  text: `SELECT m.meter_id, m.filled, ${numbers} FROM meter m WHERE m.org_id = $1 AND m.meter_id = ANY($2::text[])
UNION ALL
SELECT m.meter_id, m.filled, ${numbers} FROM unnest($2::text[]) AS base(name) JOIN meter m
  ON m.meter_id >= base.name || '@' AND m.meter_id < base.name || 'A'
WHERE m.org_id = $1`,
} as const;
