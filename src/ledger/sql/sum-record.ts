import { quarterMs } from '../record/quarters.ts';

/**
 * What the record says of base meters between given instants: the sums of days and of quarters, the rows that are
 * recorded after the organization's mark, and the open holds. One statement sees one instant, so nothing counts twice
 * or not at all while the roll-up moves the mark.
 *
 * The instants cut time into parts: 0 is before the first of them, n after the nth and before the next. A day of
 * `usage_day` in which none of them lies is read as one sum; one that is cut by them is read by its quarters, or as one
 * sum where they are no longer kept; and a quarter that is cut is read from its single rows, by an index on when they
 * were booked.
 *
 *   $1 text           org_id
 *   $2 text[]         the names of the base meters (without targets), each once
 *   $3 bigint[]       the instants, ms, ascending, each once, at least one; $4 timestamptz[]: the same
 *   $5 timestamptz[]  the quarters that are cut, by their starts; $6 timestamptz: rows booked in them were recorded
 *                     after it
 *   $7 timestamptz    what was booked before it need not be read
 *   $8 timestamptz    a mark that was read before, so that partitions older than it need not be planned for
 *   $9 timestamptz[]  three spans, begin and end in turn, that the quarters of cut days lie in; for the plan too
 *   $10 text[]        only `ofUsers`: the users whose calls alone the meters count
 *
 * One row per base meter, distinct target facts and part, so that targets are matched by the same code as everywhere.
 */
const sums = ['cost', 'input', 'output', 'requests', 'held_cost', 'held_input', 'held_output'];

const noId = "'00000000-0000-0000-0000-000000000000'::uuid";
const used =
  'u.cost, u.input, u.output, u.requests, 0 AS held_cost, 0 AS held_input, 0 AS held_output';
const used0 = 'u.cost, u.input, u.output, u.requests, 0, 0, 0, 0';
const ofQuarter = `s.subject, s.target, width_bucket(s.starts_at, $4::timestamptz[])`;

const span = (at: number): string => `($9::timestamptz[])[${at}]`;
const isInSpan = [1, 3, 5]
  .map((at) => `s.starts_at >= ${span(at)} AND s.starts_at < ${span(at + 1)}`)
  .join(' OR ');

/** Whose entries are summed. */
interface Whose {
  /** What a single row must be beside its organization's, and how it comes by its base meters. */
  readonly isOurs: string;
  readonly perMeter: string;
  readonly isOurSum: string;
  readonly isOurHold: string;
}

function sumRecordOf({ isOurs, perMeter, isOurSum, isOurHold }: Whose) {
  return {
    text: `WITH mark AS MATERIALIZED (
  SELECT coalesce(max(rolled_to), '-infinity') AS at, coalesce((array_agg(rolled_to_id))[1], ${noId}) AS id
  FROM usage_rolled WHERE org_id = $1
), cut_day AS MATERIALIZED (
  SELECT DISTINCT d.starts_at, d.ends_at FROM unnest($4::timestamptz[]) AS cut(at) JOIN usage_day d
    ON d.starts_at < cut.at AND d.starts_at > cut.at - interval '48 hours' AND d.ends_at > cut.at
  WHERE d.org_id = $1 AND d.has_quarters
), single AS (
  SELECT n.meter, u.facts, width_bucket(u.booked_at, $3::bigint[]) AS part, ${used}, 0 AS in_flight
  FROM usage u ${perMeter}
  WHERE u.org_id = $1 AND ${isOurs} AND u.recorded_at >= $8::timestamptz AND u.recorded_at >= (SELECT at FROM mark)
    AND (u.recorded_at, u.id) > ((SELECT at FROM mark), (SELECT id FROM mark))
  UNION ALL
  SELECT n.meter, u.facts, width_bucket(u.booked_at, $3::bigint[]), ${used0}
  FROM unnest($5::timestamptz[]) AS quarter(at) CROSS JOIN LATERAL (
    SELECT * FROM usage u WHERE u.org_id = $1 AND ${isOurs} AND u.recorded_at > $6::timestamptz
      AND u.booked_at >= extract(epoch FROM quarter.at)::bigint * 1000
      AND u.booked_at < extract(epoch FROM quarter.at)::bigint * 1000 + ${quarterMs} OFFSET 0) u ${perMeter}
  WHERE (u.recorded_at, u.id) <= ((SELECT at FROM mark), (SELECT id FROM mark))
  UNION ALL
  SELECT n.meter, u.facts, width_bucket(u.booked_at, $3::bigint[]), 0, 0, 0, u.requests, u.held_cost, u.held_input,
    u.held_output, 1
  FROM call u ${perMeter} WHERE u.org_id = $1 AND u.state = 'OPEN' AND ${isOurHold}
), summed AS (
  SELECT ${ofQuarter} AS part, s.cost, s.input, s.output, s.requests
  FROM cut_day CROSS JOIN LATERAL (
    SELECT * FROM usage_quarter s WHERE s.org_id = $1 AND ${isOurSum} AND s.starts_at >= cut_day.starts_at
      AND s.starts_at < cut_day.ends_at AND s.starts_at >= $7::timestamptz AND (${isInSpan}) OFFSET 0) s
  WHERE s.unit = '' AND s.starts_at <> ALL ($5::timestamptz[])
  UNION ALL
  SELECT ${ofQuarter}, s.cost, s.input, s.output, s.requests
  FROM usage_daily s WHERE s.org_id = $1 AND s.unit = '' AND ${isOurSum} AND s.starts_at >= $7::timestamptz
    AND s.starts_at <> ALL (ARRAY(SELECT starts_at FROM cut_day))
), entry AS (
  SELECT meter, facts, part, ${sums.map((column) => `sum(${column}) AS ${column}`).join(', ')},
    sum(in_flight) AS in_flight
  FROM single GROUP BY 1, 2, 3
  UNION ALL
  SELECT s.subject, t.facts, s.part, s.cost, s.input, s.output, s.requests, 0, 0, 0, 0
  FROM (SELECT subject, target, part, sum(cost) AS cost, sum(input) AS input, sum(output) AS output,
      sum(requests) AS requests FROM summed GROUP BY 1, 2, 3) s
  JOIN usage_target t ON t.org_id = $1 AND t.target = s.target
)
SELECT meter, facts, part, coalesce(sum(in_flight), 0)::text, ${sums.map((column) => `coalesce(sum(${column}), 0)::text`).join(', ')}
FROM entry GROUP BY meter, facts, part`,
  } as const;
}

const isCharged = 'u.subjects && $2::text[]';
const some = {
  perMeter: `CROSS JOIN LATERAL (
    SELECT name FROM unnest(u.subjects) AS name WHERE name = ANY($2::text[])) AS n(meter)`,
  isOurSum: 's.subject = ANY($2::text[])',
  isOurHold: isCharged,
};

/*
 * The sums have no name, so that they are planned for the values of each time: then partitions are left out before they
 * are planned for. Measured with 400 partitions: 8 ms instead of 45, and 180 where a plan for all values was tried.
 */

/** Up to where an organization is rolled up. $1 text: org_id. */
export const readMark = {
  name: 'read-mark',
  text: 'SELECT rolled_to::text FROM usage_rolled WHERE org_id = $1',
} as const;

export const sumRecord = {
  ofAny: sumRecordOf({ ...some, isOurs: isCharged }),
  /** The same for meters of some users' calls, whose rows an index finds. */
  ofUsers: sumRecordOf({
    ...some,
    isOurs: `u.user_id = ANY($10::text[]) AND ${isCharged}`,
  }),
  /** The same for all base meters; $2 is not read. */
  ofAll: sumRecordOf({
    isOurs: '$2::text[] IS NOT NULL',
    perMeter: 'CROSS JOIN unnest(u.subjects) AS n(meter)',
    isOurSum: `NOT starts_with(s.subject, '=')`,
    isOurHold: 'true',
  }),
};
