/**
 * Open holds of an organization by when they expire, from behind a position on. With a subject, a bounded number of holds is
 * looked through, so that a page costs the same whoever has the many others.
 *
 *   $1 text    org_id
 *   $2 text    the name of the subject's meter, or null
 *   $3 bigint  after this expiry (ms); $4 text: and this request id
 *   $5 int     holds that are looked through at most; $6 int: holds that are answered at most
 *
 * Each row says too how many were looked through, and the last of them.
 */
export const listHolds = {
  text: `WITH scanned AS MATERIALIZED (
  SELECT request_id, subjects, facts, held_cost, held_input, held_output, requests, booked_at, expires_at FROM call
  WHERE org_id = $1 AND state = 'OPEN' AND (expires_at, request_id) > ($3::bigint, $4::text)
  ORDER BY expires_at, request_id LIMIT $5::int
), last AS (
  SELECT expires_at, request_id FROM scanned ORDER BY expires_at DESC, request_id DESC LIMIT 1
)
SELECT h.request_id, h.subjects, h.facts::jsonb ->> 'name' AS target, h.held_cost::text, h.held_input::text,
  h.held_output::text, h.requests::text, h.booked_at::text, h.expires_at::text
FROM (SELECT * FROM scanned WHERE $2::text IS NULL OR subjects @> ARRAY[$2::text]
  ORDER BY expires_at, request_id LIMIT $6::int) h
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, NULL, (SELECT count(*) FROM scanned)::text, last.request_id, last.expires_at::text FROM last`,
} as const;

/** One row of `listHolds`; without a request id it says what was looked through. */
export interface HoldRow {
  readonly request_id: string | null;
  readonly subjects: string[] | null;
  readonly target: string | null;
  readonly held_cost: string | null;
  readonly held_input: string | null;
  readonly held_output: string | null;
  readonly requests: string;
  readonly booked_at: string;
  readonly expires_at: string;
}
