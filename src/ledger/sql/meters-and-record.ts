import { windows } from '../../core/policy.ts';
import { columns, counters } from './apply-deltas.ts';

/**
 * Every meter of an organization beside what the record says for its windows, per distinct target facts: the sums of
 * days, those of quarters for a day that a window begins in, the rows that are recorded after the organization's mark,
 * and the open holds. One statement sees one instant, so it compares like with like.
 *
 * A window's sum takes all that was booked since its start: had anything been booked after its end, the window would
 * have rolled. Beside it is the time of the mark, in seconds. `daysWithoutQuarters` are the bounds of the days that can only be
 * read as a whole, in milliseconds.
 *
 *   $1 text  org_id
 */
const sources = ['cost', 'input', 'output', 'requests', 'held_cost', 'held_input', 'held_output'];
const ending = windows.filter((window) => window !== 'LIFETIME');

/*
 * A quarter counts in windows that begin within its day, since then that day's sum does not; a day's sum counts in those
 * that begin before it or with it.
 */
const recorded = windows.flatMap((window) =>
  counters.map((_, at) => {
    const start = `m.${window.toLowerCase()}_start`;
    const isIn =
      window === 'LIFETIME'
        ? 'e.day_ms IS NULL'
        : `e.booked_at >= ${start} AND (e.day_ms IS NULL OR e.day_ms < ${start})`;
    return `coalesce(sum(e.${sources[at]}) FILTER (WHERE ${isIn}), 0)::text`;
  }),
);

const inMs = (at: string): string => `(extract(epoch FROM ${at}) * 1000)::bigint`;
const starts = ending.map((window) => `m.${window.toLowerCase()}_start`).join(', ');

export const metersAndRecord = {
  name: 'meters-and-record',
  text: `WITH mark AS MATERIALIZED (
  SELECT coalesce(max(rolled_to), '-infinity') AS at,
    coalesce((array_agg(rolled_to_id))[1], '00000000-0000-0000-0000-000000000000') AS id
  FROM usage_rolled WHERE org_id = $1
), cut_day AS MATERIALIZED (
  SELECT s.subject, d.starts_at, d.ends_at, min(s.start) AS from_at
  FROM (SELECT DISTINCT split_part(m.meter_id, '@', 1) AS subject, to_timestamp(start / 1000.0) AS start
    FROM meter m CROSS JOIN unnest(ARRAY[${starts}]) AS start WHERE m.org_id = $1 AND m.filled) s
  JOIN usage_day d ON d.starts_at < s.start AND d.starts_at > s.start - interval '48 hours' AND d.ends_at > s.start
  WHERE d.org_id = $1 AND d.has_quarters
  GROUP BY 1, 2, 3
), summed AS (
  SELECT c.subject, q.target, ${inMs('q.starts_at')} AS booked_at, ${inMs('c.starts_at')} AS day_ms, q.cost, q.input,
    q.output, q.requests
  FROM cut_day c CROSS JOIN LATERAL (SELECT * FROM usage_quarter q WHERE q.org_id = $1 AND q.subject = c.subject
    AND q.starts_at >= c.from_at AND q.starts_at < c.ends_at AND q.unit = '' OFFSET 0) q
  UNION ALL
  SELECT d.subject, d.target, ${inMs('d.starts_at')}, NULL, d.cost, d.input, d.output, d.requests
  FROM usage_daily d WHERE d.org_id = $1 AND d.unit = '' AND NOT starts_with(d.subject, '=')
), entry AS (
  SELECT s.subject, t.facts, s.booked_at, s.day_ms, s.cost, s.input, s.output, s.requests, 0 AS held_cost,
    0 AS held_input, 0 AS held_output, 0 AS in_flight
  FROM summed s JOIN usage_target t ON t.org_id = $1 AND t.target = s.target
  UNION ALL
  SELECT s.subject, u.facts, u.booked_at, NULL, u.cost, u.input, u.output, u.requests, 0, 0, 0, 0
  FROM usage u CROSS JOIN unnest(u.subjects) AS s(subject)
  WHERE u.org_id = $1 AND u.recorded_at >= (SELECT at FROM mark)
    AND (u.recorded_at, u.id) > ((SELECT at FROM mark), (SELECT id FROM mark))
  UNION ALL
  SELECT s.subject, c.facts, c.booked_at, NULL, 0, 0, 0, c.requests, c.held_cost, c.held_input, c.held_output, 1
  FROM call c CROSS JOIN unnest(c.subjects) AS s(subject) WHERE c.org_id = $1 AND c.state = 'OPEN'
)
SELECT m.meter_id, e.facts, extract(epoch FROM (SELECT at FROM mark))::text, coalesce(sum(e.in_flight), 0)::text, ${recorded.join(', ')},
  ${columns.map((column) => `m.${column.name}::text`).join(', ')}
FROM meter m LEFT JOIN entry e ON e.subject = split_part(m.meter_id, '@', 1)
WHERE m.org_id = $1 AND m.filled
GROUP BY m.org_id, m.meter_id, e.facts`,
} as const;

export const daysWithoutQuarters = {
  text: `SELECT ${inMs('d.starts_at')}::text, ${inMs('d.ends_at')}::text FROM usage_day d
WHERE d.org_id = $1 AND NOT d.has_quarters`,
} as const;
