import { eventFits, selectedEvents } from './list-events.ts';

/** What counts of events can be grouped by, as an expression. */
const groups = {
  NOTHING: 'NULL::text',
  ACTION: 'e.action',
  LIMIT: `coalesce(e.limit_name, '')`,
  USER: `coalesce(e.user_id, '')`,
  TARGET: 'e.target',
} as const;

/**
 * Counts rows by interval and group, the newest some hundred thousand of them. Of more than 50 groups the others are
 * counted together. Each row says how many rows were read, and when the oldest of them happened.
 */
function counting(rows: string): string {
  return `WITH scanned AS MATERIALIZED (${rows}),
counted AS (
  SELECT width_bucket(at_ms, $9::bigint[]) - 1 AS interval, grouped, sum(occurrences) AS count
  FROM (SELECT * FROM scanned ORDER BY at_ms DESC LIMIT $10::int) AS newest WHERE fits GROUP BY 1, 2
), first AS (
  SELECT grouped FROM counted GROUP BY grouped ORDER BY sum(count) DESC, grouped LIMIT 50
), read AS (SELECT count(*)::int AS rows, min(at_ms)::text AS oldest_ms FROM scanned)
SELECT c.interval, f.grouped AS "group", sum(c.count)::text AS count, read.rows, read.oldest_ms
FROM read LEFT JOIN (counted AS c LEFT JOIN first AS f ON f.grouped = c.grouped) ON true
GROUP BY 1, 2, 4, 5 ORDER BY c.interval, f.grouped NULLS LAST`;
}

/** Counts events. Parameters as of `scanEvents` to $8; $9 bigint[]: where intervals begin (ms); $10 int: rows that are read. */
export const countEvents = Object.fromEntries(
  Object.entries(groups).map(([group, expression]) => [
    group,
    {
      text: counting(
        `SELECT (extract(epoch FROM e.last_at) * 1000)::bigint AS at_ms, e.occurrences, ${expression} AS grouped,
    ${eventFits} AS fits
  FROM enforcement_event AS e WHERE ${selectedEvents}
  ORDER BY e.last_at DESC, e.sequence DESC LIMIT $10::int + 1`,
      ),
    },
  ]),
) as Readonly<Record<keyof typeof groups, { readonly text: string }>>;

/** Counts denied calls by the first of their reasons; the same parameters, of which $5 and $6 say nothing. */
export const countDenials = {
  text: counting(
    `SELECT e.booked_at AS at_ms, 1::bigint AS occurrences, e.reason AS grouped,
    ($4::text IS NULL OR e.subjects @> ARRAY[$4::text]) AND $5::text IS NULL AND $6::text IS NULL
    AND e.subjects @> $7::text[] AND ($8::text IS NULL OR e.facts::jsonb ->> 'name' = $8::text) AS fits
  FROM call AS e WHERE e.org_id = $1::text AND e.booked_at >= $2::bigint AND e.booked_at < $3::bigint
    AND e.reason IS NOT NULL
  ORDER BY e.booked_at DESC LIMIT $10::int + 1`,
  ),
} as const;

/** One row of both; the first columns are NULL if nothing fits. */
export interface CountRow {
  readonly interval: number | null;
  /** NULL: the rest, or nothing is grouped. */
  readonly group: string | null;
  readonly count: string | null;
  readonly rows: number;
  readonly oldest_ms: string | null;
}
