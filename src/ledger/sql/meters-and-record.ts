import { windows } from '../../core/policy.ts';
import { columns, counters } from './apply-deltas.ts';

/**
 * Every meter of an organization beside what the record says for its windows, per distinct target facts.
 * A window's sum takes all that was booked since its start: had anything been booked after its end, the
 * window would have rolled. One statement sees one instant, so it compares like with like.
 *
 *   $1 text  org_id
 */
const sources = ['cost', 'input', 'output', 'requests', 'held_cost', 'held_input', 'held_output'];

const recorded = windows.flatMap((window) =>
  counters.map((_, at) => {
    const isIn =
      window === 'LIFETIME' ? 'counts' : `e.booked_at >= m.${window.toLowerCase()}_start`;
    return `coalesce(sum(e.${sources[at]}) FILTER (WHERE ${isIn}), 0)::text`;
  }),
);

export const metersAndRecord = {
  name: 'meters-and-record',
  text: `WITH entry AS (
  SELECT s.subject, u.facts, u.booked_at, r.day IS NULL AS counts, u.cost, u.input, u.output, u.requests,
    0 AS held_cost, 0 AS held_input, 0 AS held_output, 0 AS in_flight
  FROM usage u CROSS JOIN unnest(u.subjects) AS s(subject) LEFT JOIN usage_rolled r
    ON r.org_id = u.org_id AND r.day = (u.recorded_at AT TIME ZONE 'UTC')::date AND r.complete
  WHERE u.org_id = $1
  UNION ALL
  SELECT d.subject, d.facts, -1, true, d.cost, d.input, d.output, d.requests, 0, 0, 0, 0
  FROM usage_daily d JOIN usage_rolled r ON r.org_id = d.org_id AND r.day = d.recorded_day AND r.complete
  WHERE d.org_id = $1
  UNION ALL
  SELECT s.subject, c.facts, c.booked_at, true, 0, 0, 0, 1, c.held_cost, c.held_input, c.held_output, 1
  FROM call c CROSS JOIN unnest(c.subjects) AS s(subject) WHERE c.org_id = $1 AND c.state = 'OPEN'
)
SELECT m.meter_id, e.facts, coalesce(sum(e.in_flight), 0)::text, ${recorded.join(', ')},
  ${columns.map((column) => `m.${column.name}::text`).join(', ')}
FROM meter m LEFT JOIN entry e ON e.subject = split_part(m.meter_id, '@', 1)
WHERE m.org_id = $1 AND m.filled
GROUP BY m.org_id, m.meter_id, e.facts`,
} as const;
