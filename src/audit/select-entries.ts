import type { AuditFilter } from './audit-trail.ts';
import { entryColumns } from './entry-row.ts';

/** A page is cut where its documents pass this; one document is at most a few times as long. */
export const mostPageBytes = 1024 * 1024;

/** A statement and its parameters. */
export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/**
 * Selects a page of entries, up to the first that does not fit, by one of the indexes that begin with the organization
 * and end with the sequence. Several conditions share one index, and the others are judged row by row. Times never go back
 * in a chain, so a range of times is one of sequences.
 */
export function selectEntries(
  filter: AuditFilter,
  { after, size, isAscending }: { after: string | undefined; size: number; isAscending: boolean },
): Statement {
  const values: unknown[] = [filter.orgId];
  const place = (value: unknown): string => `$${values.push(value)}`;
  const conditions = ['org_id = $1'];
  const columns = ['actor', 'rpc', 'kind', 'subject'] as const;
  for (const column of columns) {
    const value = filter[column];
    if (value !== undefined) conditions.push(`${column} = ${place(value)}`);
  }
  if (filter.secretShown === true) conditions.push('secret_shown');
  const { startMs, endMs } = filter;
  if (startMs !== undefined) conditions.push(`sequence >= ${firstFrom(place(new Date(startMs)))}`);
  if (endMs !== undefined) conditions.push(`sequence < ${firstFrom(place(new Date(endMs)))}`);
  const [than, direction] = isAscending ? ['>', ''] : ['<', ' DESC'];
  if (after !== undefined) conditions.push(`sequence ${than} ${place(after)}::bigint`);
  const order = `sequence${direction}`;
  const text = `
SELECT * FROM (
  SELECT *, sum(bytes) OVER (ORDER BY ${order}) - bytes AS earlier FROM (
    SELECT ${entryColumns} FROM audit_entry
    WHERE ${conditions.join(' AND ')} ORDER BY ${order} LIMIT ${place(size + 1)}
  ) AS page
) AS sized WHERE earlier <= ${mostPageBytes} ORDER BY ${order}`;
  return { text, values };
}

/** The first sequence at or after an instant; larger than any, if there is none. */
function firstFrom(instant: string): string {
  return `coalesce((SELECT e.sequence FROM audit_entry e WHERE e.org_id = $1 AND e.at >= ${instant}
      ORDER BY e.at, e.sequence LIMIT 1), ${Number.MAX_SAFE_INTEGER})`;
}
