import { windows } from '../../core/policy.ts';
import type { BatchStatement } from './batch-statement.ts';

/**
 * Adds deltas to meters and returns what they hold afterwards: the one statement that changes a meter.
 *
 * Parameters, one element per meter, in lock order (by organization, the organization's own meter first,
 * then by name); each meter at most once:
 *   $1 text[]    org_id
 *   $2 text[]    meter_id
 *   $3 text[]    family
 *   $4 boolean[] filled: true for meters that are complete when created
 *   $5 bigint[]  `deltaWidth` numbers per meter: in_flight, then of each window its start (not LIFETIME)
 *                and its seven counters; flat, because one array of numbers is parsed about four times
 *                as fast as 56 arrays
 *
 * A window rolls in place: a newer start drops what was there, an older start leaves the row alone (its
 * counters were for a window that is past), an equal one adds. So the same statement with the numbers
 * negated takes an addition back, and a settlement of a past window changes nothing.
 *
 * What was used saturates: a sum that would pass int64 stays at its largest value.
 *
 * Rows are locked in the order of the arrays, which makes deadlocks between batches impossible; the first
 * of an organization is its own meter, which every call of it touches: that row is the organization's lock.
 */
export const counters = [
  'used_cost',
  'used_input',
  'used_output',
  'used_requests',
  'held_cost',
  'held_input',
  'held_output',
] as const;

/** Numbers per meter in `$5`: in_flight, six starts, seven windows of seven counters. */
export const deltaWidth = 1 + 6 + windows.length * counters.length;

interface Column {
  readonly name: string;
  /** The start column of its window; undefined for LIFETIME and for in_flight. */
  readonly start: string | undefined;
  readonly isStart: boolean;
}

/** The counter columns in the order of `$5` and of what is returned. */
export const columns: readonly Column[] = [
  { name: 'in_flight', start: undefined, isStart: false },
  ...windows.flatMap((window) => {
    const prefix = window.toLowerCase();
    const start = window === 'LIFETIME' ? undefined : `${prefix}_start`;
    return [
      ...(start === undefined ? [] : [{ name: start, start, isStart: true }]),
      ...counters.map((counter) => ({ name: `${prefix}_${counter}`, start, isStart: false })),
    ];
  }),
];

/** Where a window's start and first counter stand among `columns`; `start` is -1 for LIFETIME. */
export const windowOffsets: readonly { readonly start: number; readonly counters: number }[] =
  windows.map((_, index) => {
    const at = 1 + index * (1 + counters.length);
    return index === windows.length - 1
      ? { start: -1, counters: at }
      : { start: at, counters: at + 1 };
  });

const names = columns.map((column) => column.name).join(', ');

/** How a counter of a row is added to. */
type Sum = (name: string) => string;

const plainSum: Sum = (name) => `m.${name} + excluded.${name}`;

/**
 * A sum of what was used stays at the largest int64: reports may contain any number, and one must not make the next
 * one fail. Held sums need none of this, since a Check that would make one larger is refused.
 */
const saturatingSum: Sum = (name) =>
  /_used_(?:cost|input|output)$/.test(name)
    ? `least(m.${name}, ${2n ** 63n - 1n} - greatest(excluded.${name}, 0)) + excluded.${name}`
    : plainSum(name);

const values = columns.map((_, index) => `d.n[u.base + ${index + 1}]`).join(', ');
const valuesOfOne = columns
  .map((_, index) => `($5::bigint[])[(u.i::int - 1) * ${deltaWidth} + ${index + 1}]`)
  .join(', ');

const insert = `INSERT INTO meter AS m (org_id, meter_id, family, filled, ${names})`;

function orUpdate(sum: Sum): string {
  const assignments = columns.map(({ name, start, isStart }) => {
    if (start === undefined) return `${name} = ${sum(name)}`;
    if (isStart) return `${name} = GREATEST(m.${name}, excluded.${name})`;
    return (
      `${name} = CASE WHEN m.${start} = excluded.${start} THEN ${sum(name)}` +
      ` WHEN m.${start} < excluded.${start} THEN excluded.${name} ELSE m.${name} END`
    );
  });
  return `ON CONFLICT (org_id, meter_id) DO UPDATE SET
  filled = m.filled OR excluded.filled, ${assignments.join(', ')}`;
}

/** The upsert of the arrays, without what it returns. */
function upsert(sum: Sum): string {
  return `${insert}
SELECT u.org_id, u.meter_id, u.family, u.filled, ${values}
FROM (SELECT org_id, meter_id, family, filled, (i::int - 1) * ${deltaWidth} AS base
  FROM unnest($1::text[], $2::text[], $3::text[], $4::boolean[]) WITH ORDINALITY
    AS u(org_id, meter_id, family, filled, i) OFFSET 0) AS u, (SELECT $5::bigint[] AS n) AS d
${orUpdate(sum)}`;
}

/** The upsert of asks alone, where the caller's WHERE keeps every sum far from int64: nothing can saturate. */
export const upsertSmallAsks = upsert(plainSum);

/** The upsert of `apply-deltas`, for what needs none of the sums. */
export const upsertMeters = upsert(saturatingSum);

/**
 * The same for one organization. A distributed PostgreSQL sends no INSERT to one shard that has OFFSET in a subquery,
 * or a subquery without a table.
 */
const upsertMetersOfOne = `${insert}
SELECT o.org_id, u.meter_id, u.family, u.filled, ${valuesOfOne}
FROM org o CROSS JOIN unnest($2::text[], $3::text[], $4::boolean[]) WITH ORDINALITY
  AS u(meter_id, family, filled, i)
WHERE o.org_id = ($1::text[])[1]
${orUpdate(saturatingSum)}`;

/** All `columns` of a row, as `RETURNING` names them. */
export const returnedColumns = columns.map((column) => `m.${column.name}`).join(', ');

/**
 * One row per meter, in any order: its key, `filled`, and all `columns` as one array: to describe and split 57
 * columns of a row took more of the process than deciding on them.
 */
export const applyDeltas: BatchStatement = {
  name: 'apply-deltas',
  text: `${upsertMeters}${returning()}`,
  perOrganizationText: `${upsertMetersOfOne}${returning()}`,
};

function returning(): string {
  return `\nRETURNING m.org_id, m.meter_id, m.filled, ARRAY[${returnedColumns}]`;
}
