import { windows } from '../../core/policy.ts';
import { dailyPartitions } from './daily-partitions.ts';

/**
 * The counters of meters computed from the record: usage, its daily roll-up, and the open holds. Used where
 * derived meters are born, under their organization's lock, and where they are only read. One statement reads
 * the record once for all of them. Days that were rolled up
 * are read from their sums; of their single rows only those of the days in which a window begins.
 *
 *   $1 text      org_id
 *   $2 text[]    the names of the base meters (without targets), each once
 *   $3 bigint[]  the start of each window but LIFETIME, ms
 *   $4 bigint[]  for each of them the first midnight (UTC) that is not before it, ms
 *   $5 bigint[]  the spans from a start to its midnight, merged: where they begin, ms; $6 bigint[]: where they
 *                end, exclusive
 *   $7 text[]    only with `ofUsers`: the users whose calls alone the meters count
 *
 * One row per base meter and distinct target facts, so that targets are matched by the same code as everywhere.
 */
const sums = ['cost', 'input', 'output', 'requests', 'held_cost', 'held_input', 'held_output'];

/*
 * Entries are of three parts: 0, single rows of days that are not rolled up, and open holds; 1, single rows of days
 * that were; 2, the sums of such days, with the day they were booked in. So nothing counts twice: from a window's
 * start to its midnight the rows of rolled-up days count, from there on their sums.
 *
 * `within` has a bit for every window that an entry counts in. Entries are added up by it before they are by
 * window: of four hundred thousand rows that takes three fifths of the time.
 */
function within(isIn: (start: string, midnight: string) => string, isInLifetime: string): string {
  const bits = windows.map((window, index) => {
    const at = index + 1;
    const counts =
      window === 'LIFETIME' ? isInLifetime : isIn(`s.starts[${at}]`, `s.midnights[${at}]`);
    return `(${counts})::int * ${2 ** index}`;
  });
  return bits.join(' + ');
}

const withinSingle = within(
  (start, midnight) => `booked_at >= ${start} AND (part = 0 OR booked_at < ${midnight})`,
  'part = 0',
);
const withinSum = within((_, midnight) => `booked_at >= ${midnight}`, 'true');

const aggregates = windows.flatMap((_, index) =>
  sums.map(
    (column) => `coalesce(sum(${column}) FILTER (WHERE within & ${2 ** index} <> 0), 0)::text`,
  ),
);

const used =
  'u.cost, u.input, u.output, u.requests, 0 AS held_cost, 0 AS held_input, 0 AS held_output';

/** The first recorded day that is not rolled up; what was recorded in no day's partition is looked at by itself. */
const firstOpenDay = `SELECT least(
  (SELECT min(p.day) FROM (${dailyPartitions("'usage'")}) p WHERE NOT EXISTS (
     SELECT FROM usage_rolled r WHERE r.org_id IN ('', $1) AND r.complete AND r.day = p.day)),
  (SELECT min((u.recorded_at AT TIME ZONE 'UTC')::date) FROM usage_rest u LEFT JOIN usage_rolled r
     ON r.org_id = u.org_id AND r.day = (u.recorded_at AT TIME ZONE 'UTC')::date AND r.complete
   WHERE u.org_id = $1 AND r.day IS NULL)) AS day`;

/**
 * Whether a row's recorded day is rolled up: looked up by key row by row, where a join would be free to compare
 * every row with every day.
 */
const isComplete = `(SELECT r.complete FROM usage_rolled r
    WHERE r.org_id = $1 AND r.day = (u.recorded_at AT TIME ZONE 'UTC')::date)`;

/** Whose entries are summed. */
interface Whose {
  /** What a single row must be beside its organization's, and how it comes by its base meters. */
  readonly isOurs: string;
  readonly perMeter: string;
  /** The base meter of a row, a sum and a hold, if more than one is asked for. */
  readonly meter: string;
  readonly isOurSum: string;
  readonly isOurHold: string;
}

function sumLedgerOf(name: string, whose: Whose) {
  const { isOurs, perMeter, meter, isOurSum, isOurHold } = whose;
  return {
    name,
    text: `WITH s AS (SELECT $3::bigint[] AS starts, $4::bigint[] AS midnights), single AS (
  SELECT ${meter} AS meter, u.facts, u.booked_at, 0 AS part, ${used}, 0 AS in_flight
  FROM usage u ${perMeter}
  WHERE u.org_id = $1 AND ${isOurs} AND ${isComplete} IS NOT TRUE
    AND u.recorded_at >= (SELECT day::timestamp AT TIME ZONE 'UTC' FROM (${firstOpenDay}) AS open)
  UNION ALL
  SELECT ${meter}, u.facts, u.booked_at, 1, ${used}, 0
  FROM unnest($5::bigint[], $6::bigint[]) AS span(start, "end") CROSS JOIN LATERAL (
    SELECT * FROM usage u WHERE u.org_id = $1 AND ${isOurs}
      AND u.booked_at >= span.start AND u.booked_at < span."end" OFFSET 0) u ${perMeter}
  WHERE ${isComplete}
  UNION ALL
  SELECT ${meter}, u.facts, u.booked_at, 0, 0, 0, 0, 1, u.held_cost, u.held_input, u.held_output, 1
  FROM call u ${perMeter} WHERE u.org_id = $1 AND u.state = 'OPEN' AND ${isOurHold}
), daily AS (
  SELECT d.subject AS meter, d.facts, (d.day - date '1970-01-01') * 86400000::bigint AS booked_at, d.cost,
    d.input, d.output, d.requests
  FROM usage_daily d JOIN usage_rolled r ON r.org_id = d.org_id AND r.day = d.recorded_day AND r.complete
  WHERE d.org_id = $1 AND ${isOurSum}
), entry AS (
  SELECT meter, facts, ${withinSingle} AS within, ${sums.map((column) => `sum(${column}) AS ${column}`).join(', ')},
    sum(in_flight) AS in_flight
  FROM single, s GROUP BY 1, 2, 3
  UNION ALL
  SELECT meter, facts, ${withinSum}, cost, input, output, requests, 0, 0, 0, 0 FROM daily, s
)
SELECT meter, facts, coalesce(sum(in_flight), 0)::text, ${aggregates.join(', ')}
FROM entry GROUP BY meter, facts`,
  } as const;
}

const isCharged = 'u.subjects && $2::text[]';
const some = {
  perMeter: `CROSS JOIN LATERAL (
    SELECT name FROM unnest(u.subjects) AS name WHERE name = ANY($2::text[])) AS n(meter)`,
  meter: 'n.meter',
  isOurSum: 'd.subject = ANY($2::text[])',
  isOurHold: isCharged,
};

export const sumLedger = {
  ofAny: sumLedgerOf('sum-ledger', { ...some, isOurs: isCharged }),
  /** The same for meters of some users' calls, whose rows an index finds. */
  ofUsers: sumLedgerOf('sum-ledger-of-users', {
    ...some,
    isOurs: `u.user_id = ANY($7::text[]) AND ${isCharged}`,
  }),
  /** The same for all base meters, in the windows that end; $2 date: sums of days before it are not read. */
  ofAll: sumLedgerOf('sum-ledger-of-all', {
    isOurs: 'true',
    perMeter: 'CROSS JOIN unnest(u.subjects) AS n(meter)',
    meter: 'n.meter',
    isOurSum: 'd.day >= $2::date',
    isOurHold: 'true',
  }),
};
