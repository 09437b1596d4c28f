import { storeFailure } from '../../db/errors.ts';
import type { Limit, Window } from '../../core/policy.ts';
import type { SubjectKind } from '../../core/subject.ts';
import { pageOf, positionOf, tokenAfter } from '../../platform/paging.ts';
import type { Listed, Page, PageWeight } from '../../platform/paging.ts';
import type { LimitRevision, LimitRevisionFilter } from '../policy-changes.ts';
import type { PolicyStore } from '../policy-store.ts';
import type { StoreParts } from './change.ts';
import { decodeLimit, openDoc } from './documents.ts';
import type { StoredDoc } from './documents.ts';
import { requireOrganization } from './records.ts';

interface Row {
  readonly subject_kind: SubjectKind;
  readonly subject_id: string;
  readonly epoch: string;
  readonly name: string;
  readonly revision: number;
  readonly newest: boolean;
  readonly revoked: boolean;
  readonly time_window: Window | null;
  readonly doc: StoredDoc<readonly Limit[]>;
  readonly reason: string;
  readonly actor: string;
  readonly at: Date;
}

/** A page looks at no more rows than this. */
const mostScanned = 10_000;
/** A limit has up to 64 targets. */
const pageWeight: PageWeight<Row> = {
  most: 10_000,
  of: ({ doc }) =>
    openDoc<readonly Limit[]>(doc).reduce((sum, one) => sum + 1 + one.targets.length, 0),
};
const beforeAll = [String(Number.MAX_SAFE_INTEGER), '', '', ''];
const order = 'epoch DESC, subject_kind DESC, subject_id DESC, name DESC';

/** The rows that a page looks at, in order; the conditions are those that an index follows. */
const scanned = (kind: boolean, subject: boolean): string => `SELECT * FROM limit_revision
  WHERE org_id = $1${kind ? ' AND subject_kind = $6' : ''}${subject ? ' AND subject_id = $7' : ''}
  AND (epoch, subject_kind, subject_id, name) < ($2::bigint, $3, $4, $5)
  ORDER BY ${order} LIMIT ${mostScanned}`;

/** The revisions of limits and quotas. */
export function storedLimitRevisions(parts: StoreParts): Pick<PolicyStore, 'listLimitRevisions'> {
  return {
    async listLimitRevisions(orgId, filter, page) {
      try {
        const listed = await list(parts, orgId, filter, page);
        if (listed.items.length === 0) await requireOrganization(parts, orgId);
        return listed;
      } catch (cause) {
        throw storeFailure(cause);
      }
    },
  };
}

async function list(
  { pool }: StoreParts,
  orgId: string,
  { kind, subject, name, window, state }: LimitRevisionFilter,
  page: Page,
): Promise<Listed<LimitRevision>> {
  const of = `${orgId}/limit-revisions`;
  const after = positionOf(page, of, ['integer', 'text', 'text', 'text']) ?? beforeAll;
  const ofKind = subject?.kind ?? kind;
  const inner = scanned(ofKind !== undefined, subject !== undefined);
  const within = [orgId, ...after, ofKind ?? '', subject?.id ?? ''];
  const { rows } = await pool.query<Row>(
    `SELECT * FROM (${inner}) AS scanned
WHERE ($6 = '' OR subject_kind = $6) AND ($7 = '' OR subject_id = $7)
  AND strpos(lower(name), lower($8)) > 0 AND ($9::text IS NULL OR time_window = $9)
  AND CASE $10 WHEN 'ACTIVE' THEN newest AND NOT revoked WHEN 'REVOKED' THEN revoked ELSE true END
ORDER BY ${order} LIMIT $11`,
    [...within, name ?? '', window ?? null, state, page.size + 1],
  );
  const listed = pageOf(rows, page, of, positionOfRow, revisionOf, pageWeight);
  if (listed.nextToken !== undefined) return listed;
  const last = await pool.query<Row>(
    `SELECT epoch, subject_kind, subject_id, name FROM (${inner}) AS scanned
WHERE ($6 = '' OR true) AND ($7 = '' OR true) ORDER BY ${order} OFFSET ${mostScanned - 1}`,
    within,
  );
  const [end] = last.rows;
  if (end === undefined) return listed;
  return { ...listed, nextToken: tokenAfter(page, of, positionOfRow(end)) };
}

function positionOfRow({ epoch, subject_kind, subject_id, name }: Row): string[] {
  return [epoch, subject_kind, subject_id, name];
}

function revisionOf(row: Row): LimitRevision {
  return {
    subject: { kind: row.subject_kind, id: row.subject_id },
    name: row.name,
    revision: row.revision,
    window: row.time_window ?? undefined,
    limits: openDoc<readonly Limit[]>(row.doc).map(decodeLimit),
    revoked: row.revoked,
    isInForce: row.newest && !row.revoked,
    reason: row.reason,
    actor: row.actor,
    atMs: row.at.getTime(),
  };
}
