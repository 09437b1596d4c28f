/**
 * An organization's newest calls, newest first, with what a watcher selects them by. $1 text: org; $2 bigint: booked at
 * this instant or later (ms); $3 int: at most.
 */
export const freshCalls = {
  text: `SELECT booked_at::text, request_id, reason, answer = '' AS is_post_paid, subjects,
  facts::jsonb ->> 'name' AS target
FROM call WHERE org_id = $1::text AND booked_at >= $2::bigint ORDER BY booked_at DESC LIMIT $3::int`,
} as const;

/** One row of `freshCalls`. */
export interface FreshCallRow {
  readonly booked_at: string;
  readonly request_id: string;
  readonly reason: string | null;
  readonly is_post_paid: boolean;
  readonly subjects: readonly string[];
  readonly target: string;
}

/** How many calls are booked at an instant or later. Parameters as of `freshCalls`. */
export const countFreshCalls = {
  text: `SELECT count(*)::int AS count FROM (
  SELECT FROM call WHERE org_id = $1::text AND booked_at >= $2::bigint ORDER BY booked_at DESC LIMIT $3::int) AS fresh`,
} as const;
