import { windows } from '../../core/policy.ts';
import { guards } from '../write-first/guard-failed.ts';
import { databaseNowMs } from './database-now.ts';
import { columns, returnedColumns, upsertSmallAsks } from './apply-deltas.ts';

/**
 * Adds asks to meters and writes the calls that ask, before anything is decided: in one statement, because
 * how each limit of a call stood is taken from the meters' rows. It fails, and with it the transaction, unless
 * all of it is as the process foresaw: no sum of a limit above what is said, no window that another replica
 * has rolled on, no derived meter that wants filling, no request id that is taken.
 *
 *   $1 to $5      meters and what is added to them, as in `apply-deltas`
 *   $6 text[]     org_id of each call; $7 text[] request_id; $8 text[] content; $9 text[] answer, without sums;
 *                 $10 text[] detail; $11 text[] subjects as array literals; $12 text[] facts;
 *                 $13 bigint[] held_cost; $14 bigint[] held_input; $15 bigint[] held_output;
 *                 $16 bigint[] booked_at; $17 bigint[] expires_at; $18 bigint[] requests
 *   $19 int[], $20 int[]  where the cells of each call begin and end, counted from 0, the end excluded
 *   $21 int[]     cells: meter (1 is the first of $1) and column of each, in turn
 *   $22 bigint[]  how much of each cell was not there before the call
 *   $23 int[]     guarded sums: meter and two columns of each, in turn
 *   $24 bigint[]  the most that the sum of the two may be
 *
 * Columns are those of `numbers` below. Returns of each call its key and its cells, as they were before it, in any
 * order. Meters are numbered by where their rows are in `applied`; PostgreSQL does not promise that this is the order
 * of $1, so their keys are compared with $1 and $2, whole arrays at once: a join would be a nested loop, since a lane
 * plans no other.
 */
export const holdCalls = {
  name: 'hold-calls',
  text: holding("'OPEN'"),
} as const;

/**
 * The same where some of the calls are settled at once, and written beside their usage, or name a parent; $25 text[]: the
 * state of each, $26 text[]: its parent or null. A statement of its own, so that batches without such calls send nothing
 * for it.
 */
export const holdUnusualCalls = {
  name: 'hold-unusual-calls',
  text: holding('u.state', 'u.parent_request_id'),
} as const;

/** `state` of each call, and its parent where it may have one: then both are parameters. */
function holding(state: string, parent?: string): string {
  const names = parent === undefined ? '' : ', state, parent_request_id';
  const values = parent === undefined ? '' : ', $25::text[], $26::text[]';
  const column = parent === undefined ? '' : ', parent_request_id';
  const value = parent === undefined ? '' : `, ${parent}`;
  return `WITH applied AS (${upsertSmallAsks}
  WHERE ${notAhead()} AND ${farFromInt64()}
  RETURNING m.org_id, m.meter_id, m.filled, ARRAY[${returnedColumns}, ${tokenSums()}, 0] AS numbers
), now AS MATERIALIZED (
  SELECT array_agg(numbers) AS n, bool_and(filled) AND array_agg(org_id) = $1::text[]
    AND array_agg(meter_id) = $2::text[] AS is_whole FROM applied
), held AS (
  INSERT INTO call (org_id, request_id, state, version, content, answer, detail, subjects, facts,
    held_cost, held_input, held_output, booked_at, expires_at, requests, sums${column})
  SELECT u.org_id, u.request_id, ${state}, 1, u.content, u.answer, u.detail, u.subjects::text[], u.facts,
    u.held_cost, u.held_input, u.held_output, u.booked_at, u.expires_at, u.requests,
    ARRAY(SELECT n[c[2 * i + 1]][c[2 * i + 2]] - o[i + 1] FROM generate_series(u.first, u.last - 1) AS i)${value}
  FROM now, (SELECT $21::int[] AS c, $22::bigint[] AS o) AS cells, unnest($6::text[], $7::text[], $8::text[],
    $9::text[], $10::text[], $11::text[], $12::text[], $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[],
    $17::bigint[], $18::bigint[], $19::int[], $20::int[]${values}) AS u(org_id, request_id, content, answer, detail, subjects, facts,
    held_cost, held_input, held_output, booked_at, expires_at, requests, first, last${names})
  RETURNING org_id, request_id, sums
)
SELECT held.org_id, held.request_id, held.sums, (CASE WHEN is_whole IS NOT TRUE THEN '${guards.meter}'
  WHEN EXISTS (SELECT FROM now, (SELECT $23::int[] AS r, $24::bigint[] AS most) AS guarded,
      generate_series(0, cardinality(most) - 1) AS i
    WHERE n[r[3 * i + 1]][r[3 * i + 2]] + n[r[3 * i + 1]][r[3 * i + 3]] > most[i + 1]) THEN '${guards.limit}'
  ELSE '0' END)::int FROM now, held`;
}

/**
 * Reads beside `hold-unusual-calls`, under its locks: fails if usage would be recorded before what is closed for the
 * roll-up. It is recorded at the time of the calls.
 */
export const agreeOnRecord = {
  name: 'agree-on-record',
  /** $1 text[] organizations, $2 bigint[] when their usage is recorded (ms). */
  text: `SELECT (CASE WHEN to_timestamp(u.at / 1000.0) < r.closed_to THEN '${guards.time}' ELSE '0' END)::int
FROM unnest($1::text[], $2::bigint[]) AS u(org_id, at) JOIN usage_rolled AS r ON r.org_id = u.org_id`,
} as const;

/**
 * Reads beside `hold-calls`, under its locks: fails unless the policies are still those of the plans, and the
 * database's time is in the span that the batch was made for.
 */
export const agreeOnEpochs = {
  name: 'agree-on-epochs',
  /** $1 text[] organizations, $2 bigint[] their epochs; $3 bigint, $4 bigint: the span (ms), its end excluded. */
  text: `SELECT clock.now_ms,
  (CASE WHEN o.epoch + p.epoch = u.epoch THEN '0' ELSE '${guards.policies}' END)::int,
  (CASE WHEN clock.now_ms >= $3::bigint AND clock.now_ms < $4::bigint THEN '0'
    ELSE '${guards.time}' END)::int
FROM (SELECT ${databaseNowMs} AS now_ms) AS clock, platform AS p, unnest($1::text[], $2::bigint[]) AS u(org_id, epoch)
LEFT JOIN org AS o ON o.org_id = u.org_id
WHERE p.only_row`,
} as const;

/** Behind `columns`, numbered from 1: of each window the tokens used and the tokens held; then a column that is 0. */
export const tokenColumns = windows.map((_, index) => {
  const used = columns.length + 2 * index + 1;
  return { used, held: used + 1 };
});
export const emptyColumn = columns.length + 2 * windows.length + 1;

function tokenSums(): string {
  return windows
    .flatMap((window) => ['used', 'held'].map((kind) => `m.${window.toLowerCase()}_${kind}`))
    .map((prefix) => `${prefix}_input + ${prefix}_output`)
    .join(', ');
}

function notAhead(): string {
  return columns
    .filter(({ isStart }) => isStart)
    .map(({ name }) => `m.${name} <= excluded.${name}`)
    .join(' AND ');
}

/** Far enough that no batch of asks that are not large brings a sum of two counters beyond int64. */
function farFromInt64(): string {
  const lifetime = columns.filter(({ name }) => name.startsWith('lifetime_'));
  return `greatest(${lifetime.map(({ name }) => `m.${name}`).join(', ')}) < ${2n ** 60n}`;
}
