import { batchStatement } from './batch-statement.ts';
import { databaseNowMs } from './database-now.ts';

/**
 * Reads, after the batch's rows are locked, what may no longer change under it: the epoch and calendar of
 * each organization (with the platform's, whose catalog it inherits), the calls already known by their request ids, and the database's clock.
 *
 * It runs after `apply-deltas` in the same flight, as statements of their own: in READ COMMITTED a
 * statement sees what was committed before it began, so everything the previous holder of the rows wrote.
 */
export const readEpochs = batchStatement(
  'read-epochs',
  /** $1 text[]: organizations. */
  ({
    isOne,
  }) => `SELECT o.org_id, o.epoch + p.epoch, o.time_zone, o.week_start, o.month_anchor_day, o.on_expiry,
  ${databaseNowMs} AS now_ms,
  coalesce(extract(epoch FROM r.closed_to) * 1000, 0)::bigint AS record_from_ms
FROM org o JOIN platform p ON p.only_row LEFT JOIN usage_rolled r ON r.org_id = o.org_id
WHERE ${isOne('o')}`,
);

/** One row of `readEpochs`. */
export interface EpochRow {
  readonly orgId: string;
  readonly epoch: number;
  readonly timeZone: string;
  readonly weekStart: number;
  readonly monthAnchorDay: number;
  readonly onExpiry: 'RELEASE' | 'CHARGE';
  readonly nowMs: number;
  /** Usage may be recorded from this instant on: what was recorded before it is closed, and is summed up. */
  readonly recordFromMs: number;
}

/** Reads a row of `readEpochs` by the order of its columns. */
export function epochRow(columns: readonly (string | null)[]): EpochRow {
  const [orgId, epoch, timeZone, weekStart, monthAnchorDay, onExpiry, nowMs, recordFromMs] =
    columns as string[];
  return {
    orgId: orgId ?? '',
    epoch: Number(epoch),
    timeZone: timeZone ?? '',
    weekStart: Number(weekStart),
    monthAnchorDay: Number(monthAnchorDay),
    onExpiry: onExpiry as EpochRow['onExpiry'],
    nowMs: Number(nowMs),
    recordFromMs: Number(recordFromMs),
  };
}

const callColumns = [
  'state',
  'content',
  'answer',
  'sums',
  'detail',
  'facts',
  'held_cost',
  'held_input',
  'held_output',
  'booked_at',
  'expires_at',
  'extends',
  'closing',
] as const;

export const readCalls = batchStatement(
  'read-calls',
  /**
   * $1 text[]: organizations; $2 text[]: request ids, $3 int[]: versions, pairwise. A call that has the
   * given version is known already: of it only ids and version come back.
   */
  ({ and }) => `SELECT c.org_id, c.request_id, c.version, ${callColumns
    .map((column) => `CASE WHEN c.version <> u.version THEN c.${column}::text END`)
    .join(', ')}
FROM unnest($1::text[], $2::text[], $3::int[]) AS u(org_id, request_id, version)
JOIN call c ON c.org_id = u.org_id AND c.request_id = u.request_id${and('c', 'request_id', '$2::text[]')}`,
);

/** One row of `readCalls`, as text, of a call that is not known yet. */
export type CallRow = Readonly<
  Record<
    'org_id' | 'request_id' | 'version' | Exclude<(typeof callColumns)[number], 'closing'>,
    string
  >
> & { readonly closing: string | null };

/** The columns of a call `c` as text, in the order that `callRow` reads; null in place of those left out. */
export function columnsOfCall(without: readonly (typeof callColumns)[number][]): string {
  const columns = callColumns.map((name) => (without.includes(name) ? 'NULL' : `c.${name}::text`));
  return ['c.org_id', 'c.request_id', 'c.version', ...columns].join(', ');
}

/** Reads a row of `readCalls` by the order of its columns. */
export function callRow(columns: readonly (string | null)[]): CallRow {
  const names = ['org_id', 'request_id', 'version', ...callColumns];
  return Object.fromEntries(names.map((name, at) => [name, columns[at]])) as CallRow;
}
