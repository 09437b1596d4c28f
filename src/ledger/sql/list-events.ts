const columns = `id, (extract(epoch FROM at) * 1000)::bigint::text AS first_ms,
  (extract(epoch FROM last_at) * 1000000)::bigint::text AS last_us, sequence, occurrences::text, action,
  request_id, user_id, subjects, limit_subject, limit_name, revision, meter_id, metric, time_window,
  spend::text, amount::text, ask::text, threshold, raises`;

/** One page of an organization's events, newest first, by (last_at, sequence). */
export const listEvents = {
  name: 'list-events',
  /** $1 text: org; $2 text: user or null; $3 text: action or null; $4 text: limit or null; $5 bigint and
   *  $6 text: after this position (microseconds, sequence) or null; $7 int: at most. */
  text: `SELECT ${columns}
FROM enforcement_event
WHERE org_id = $1 AND ($2::text IS NULL OR user_id = $2) AND ($3::text IS NULL OR action = $3)
  AND ($4::text IS NULL OR limit_name = $4)
  AND ($5::bigint IS NULL OR (last_at, sequence) < (to_timestamp($5::bigint / 1000000.0), $6::text))
ORDER BY last_at DESC, sequence DESC LIMIT $7`,
} as const;

/**
 * The events of one call, oldest first. There is no index by call: they were written in the spans of time that are
 * given. $1 text: org; $2 text: request id; $3 bigint[], $4 bigint[]: the spans, from and to (ms), which do not overlap.
 * A fold of events begins with the second in which it ends.
 */
export const eventsOfCall = {
  name: 'events-of-call',
  text: `SELECT ${columns}
FROM unnest($3::bigint[], $4::bigint[]) AS span(from_ms, to_ms) JOIN enforcement_event AS e
  ON e.last_at >= to_timestamp(from_ms / 1000.0) AND e.last_at < to_timestamp(to_ms / 1000.0)
  AND e.at > to_timestamp(from_ms / 1000.0) - interval '1 second' AND e.at < to_timestamp(to_ms / 1000.0)
WHERE e.org_id = $1::text AND e.request_id = $2::text ORDER BY last_at, sequence LIMIT 200`,
} as const;

/** One row of `listEvents`. */
export interface EventRow {
  readonly id: string;
  readonly first_ms: string;
  readonly last_us: string;
  readonly sequence: string;
  readonly occurrences: string;
  readonly action: string;
  readonly request_id: string;
  readonly user_id: string | null;
  readonly subjects: string[];
  readonly limit_subject: string | null;
  readonly limit_name: string | null;
  readonly revision: number | null;
  readonly meter_id: string | null;
  readonly metric: string | null;
  readonly time_window: string | null;
  readonly spend: string | null;
  readonly amount: string | null;
  readonly ask: string | null;
  readonly threshold: number | null;
  readonly raises: string | null;
}
