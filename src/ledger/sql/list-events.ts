function columnsOf(event: string): string {
  const ms = (column: string, factor: number): string =>
    `(extract(epoch FROM ${event}.${column}) * ${factor})::bigint::text`;
  const plain = [
    'sequence',
    'action',
    'request_id',
    'user_id',
    'subjects',
    'limit_subject',
    'limit_name',
    'revision',
  ];
  const more = ['meter_id', 'metric', 'time_window', 'threshold', 'raises', 'target'];
  const numbers = ['occurrences', 'spend', 'amount', 'ask'];
  return [
    `${event}.id`,
    `${ms('at', 1000)} AS first_ms`,
    `${ms('last_at', 1_000_000)} AS last_us`,
    ...[...plain, ...more].map((column) => `${event}.${column}`),
    ...numbers.map((column) => `${event}.${column}::text`),
  ].join(', ');
}

/** Which events are selected, by their columns; parameters $1 to $8 are the same wherever this is used. */
export const selectedEvents = `e.org_id = $1::text
  AND e.last_at >= to_timestamp($2::bigint / 1000.0) AND e.last_at < to_timestamp($3::bigint / 1000.0)
  AND e.at > to_timestamp($2::bigint / 1000.0) - interval '1 second' AND e.at < to_timestamp($3::bigint / 1000.0)`;

/** Whether a selected event fits the rest of a filter. */
export const eventFits = `($4::text IS NULL OR e.user_id = $4::text) AND ($5::text IS NULL OR e.action = $5::text)
  AND ($6::text IS NULL OR e.limit_name = $6::text) AND e.subjects @> $7::text[]
  AND ($8::text IS NULL OR e.target = $8::text)`;

/**
 * Looks through an organization's events, newest first: some thousand at most, whatever is looked for. Returns those that
 * fit, and the last one that was looked at, each by its key: as a join PostgreSQL would read all events. It has no name, so that it is planned for these values.
 */
export const scanEvents = {
  /** $1 text: org; $2 bigint, $3 bigint: last happened from, and before (ms; a fold may have begun a second before);
   *  $4 text: user; $5 text: action; $6 text: limit; $7 text[]: all of these subjects; $8 text: target; null for any;
   *  $9 bigint and $10 text: after this position (microseconds, sequence) or null; $11 int: how many are looked at. */
  text: `WITH scanned AS MATERIALIZED (
  SELECT e.at, e.id, e.last_at, e.sequence, ${eventFits} AS fits,
    row_number() OVER (ORDER BY e.last_at DESC, e.sequence DESC) AS place
  FROM enforcement_event AS e WHERE ${selectedEvents}
    AND ($9::bigint IS NULL OR (e.last_at, e.sequence) < (to_timestamp($9::bigint / 1000000.0), $10::text))
  ORDER BY e.last_at DESC, e.sequence DESC LIMIT $11::int
)
SELECT ${columnsOf('e')}, s.fits, s.place::int
FROM scanned AS s CROSS JOIN LATERAL (
  SELECT * FROM enforcement_event WHERE org_id = $1::text AND at = s.at AND id = s.id OFFSET 0) AS e
WHERE s.fits OR s.place = (SELECT max(place) FROM scanned) ORDER BY s.place`,
} as const;

/**
 * The events of one call, oldest first. There is no index by call: they were written in the spans of time that are
 * given. $1 text: org; $2 text: request id; $3 bigint[], $4 bigint[]: the spans, from and to (ms), which do not overlap.
 * A fold of events begins with the second in which it ends.
 */
export const eventsOfCall = {
  name: 'events-of-call',
  text: `SELECT ${columnsOf('e')}
FROM unnest($3::bigint[], $4::bigint[]) AS span(from_ms, to_ms) JOIN enforcement_event AS e
  ON e.last_at >= to_timestamp(from_ms / 1000.0) AND e.last_at < to_timestamp(to_ms / 1000.0)
  AND e.at > to_timestamp(from_ms / 1000.0) - interval '1 second' AND e.at < to_timestamp(to_ms / 1000.0)
WHERE e.org_id = $1::text AND e.request_id = $2::text ORDER BY last_at, sequence LIMIT 200`,
} as const;

/** An event's row. */
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
  readonly target: string;
  readonly raises: string | null;
}

/** One row of `scanEvents`. */
export interface ScannedEvent extends EventRow {
  readonly fits: boolean;
  /** From 1. */
  readonly place: number;
}
