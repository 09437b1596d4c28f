import { databaseNowMs } from './database-now.ts';
import { callRow, columnsOfCall } from './read-state.ts';
import type { CallRow } from './read-state.ts';

/**
 * The time that holds are compared with: the database's, read by the statement itself, or the one given as a
 * parameter where somebody else moves the clock. In a subquery it is computed once, so an index can be used.
 */
const timeOr = (parameter: string): string => `(SELECT coalesce(${parameter}, ${databaseNowMs}))`;

/** The time that holds are compared with. $1 bigint: now (ms), or null for the database's time. */
export const sweepNow = {
  name: 'sweep-now',
  text: `SELECT ${timeOr('$1::bigint')}::text`,
} as const;

/** Organizations that have holds whose time is over, by id. */
export const overdueOrganizations = {
  name: 'overdue-organizations',
  /** $1 text: those after this id; $2 int: at most; $3 bigint: now (ms), or null for the database's time. */
  text: `SELECT o.org_id FROM org o WHERE o.org_id > $1::text AND EXISTS (SELECT FROM call c
  WHERE c.org_id = o.org_id AND c.state = 'OPEN' AND c.expires_at <= ${timeOr('$3::bigint')})
ORDER BY o.org_id LIMIT $2::int`,
} as const;

/** Whether an organization has holds whose time is over: a row if it has. */
export const hasOverdueHolds = {
  name: 'has-overdue-holds',
  /** $1 text: the organization; $2 bigint: now (ms), or null for the database's time. */
  text: `SELECT 1 FROM call c
WHERE c.org_id = $1::text AND c.state = 'OPEN' AND c.expires_at <= ${timeOr('$2::bigint')} LIMIT 1`,
} as const;

/** What the end of a hold does not need, and what no open hold has. */
const notRead = ['content', 'answer', 'sums', 'extends', 'closing'] as const;

/**
 * The holds of one organization whose time is over, oldest first; an instant equal to the expiry is past it.
 * Read without a lock: the batch that ends them finds those that have changed by their version.
 */
export const overdueHolds = {
  name: 'overdue-holds',
  /** $1 text: the organization; $2 bigint, $3 text: those after this expiry (ms) and request id; $4 int: at
   *  most; $5 bigint: now (ms), or null for the database's time. */
  text: `SELECT ${columnsOfCall(notRead)} FROM call c
WHERE c.org_id = $1::text AND c.state = 'OPEN' AND c.expires_at <= ${timeOr('$5::bigint')}
  AND (c.expires_at, c.request_id) > ($2::bigint, $3::text)
ORDER BY c.expires_at, c.request_id LIMIT $4::int`,
} as const;

/** Reads a row of `overdueHolds`. */
export function overdueHold(columns: readonly (string | null)[]): CallRow {
  return { ...callRow(columns), content: '', answer: '', sums: '{}', extends: '[]', closing: null };
}
