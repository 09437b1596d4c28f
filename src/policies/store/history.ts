import type { Organization } from '../../core/organization.ts';
import { storeFailure } from '../../db/errors.ts';
import { pageOf, positionOf } from '../../platform/paging.ts';
import type { Listed, Page, PageWeight } from '../../platform/paging.ts';
import { revisionKinds } from '../policy-store.ts';
import type {
  PolicyStore,
  RecordKind,
  RecordOf,
  RevisedRecord,
  Revision,
  RevisionKind,
} from '../policy-store.ts';
import type { StoreParts } from './change.ts';
import { decodeOrganization, decodeRecord, openDoc } from './documents.ts';
import type { StoredDoc } from './documents.ts';
import { requireOrganization } from './records.ts';

/** The history of the store: read from the audit trail. */
export function storedHistory(parts: StoreParts): Pick<PolicyStore, 'listRevisions'> {
  return {
    async listRevisions(orgId, of, page) {
      try {
        const listed = await (of === undefined
          ? listAll(parts, orgId, page)
          : listOne(parts, orgId, of, page));
        if (listed.items.length === 0) await requireOrganization(parts, orgId);
        return listed;
      } catch (cause) {
        throw storeFailure(cause);
      }
    },
  };
}

type RevisedDoc = StoredDoc<Organization> | StoredDoc<RecordOf[RecordKind]>;

interface LogRow {
  readonly sequence: string;
  readonly kind: RevisionKind;
  readonly subject: string;
  readonly revision: string | null;
  readonly deleted: boolean;
  readonly actor: string;
  readonly reason: string;
  readonly at: Date;
  readonly doc: RevisedDoc | null;
  readonly bytes: number;
}

/** A page is cut where its documents pass this; one document is at most a tenth of it. */
const mostBytes = 1024 * 1024;
const pageWeight: PageWeight<LogRow> = { most: mostBytes, of: ({ bytes }) => bytes };

/**
 * The rows of a page, up to the first that does not fit: a thousand long documents would take long to read and write.
 * Policies, prices and raises have lists of their own, so their documents are not read. What has no epoch is no part of the
 * history of records: usage that was adjusted, for example.
 */
const statement = (condition: string): string => `
SELECT * FROM (
  SELECT *, sum(bytes) OVER (ORDER BY sequence DESC) - bytes AS before FROM (
    SELECT sequence, kind, subject, revision, after_doc IS NULL AS deleted, actor, reason, at, doc,
      coalesce(octet_length(doc::text), 0) AS bytes
    FROM audit_entry, LATERAL (SELECT
      CASE WHEN kind NOT IN ('policy', 'price', 'raise') THEN coalesce(after_doc, before_doc) END AS doc) AS d
    WHERE org_id = $1 AND sequence < $2::bigint AND epoch IS NOT NULL AND ${condition}
    ORDER BY sequence DESC LIMIT $3
  ) AS page
) AS sized WHERE before <= ${mostBytes} ORDER BY sequence DESC`;

const listAllStatement = statement('kind = ANY($4)');
const listOneStatement = statement('kind = $4 AND subject = $5');
const newest = String(Number.MAX_SAFE_INTEGER);

async function listAll(parts: StoreParts, orgId: string, page: Page): Promise<Listed<Revision>> {
  return listBy(parts, orgId, page, `${orgId}/history`, listAllStatement, [revisionKinds]);
}

async function listOne(
  parts: StoreParts,
  orgId: string,
  { kind, id }: { readonly kind: RevisionKind; readonly id: string },
  page: Page,
): Promise<Listed<Revision>> {
  return listBy(parts, orgId, page, `${orgId}/history/${kind}/${id}`, listOneStatement, [kind, id]);
}

async function listBy(
  { pool }: StoreParts,
  orgId: string,
  page: Page,
  list: string,
  text: string,
  condition: readonly unknown[],
): Promise<Listed<Revision>> {
  const [sequence = newest] = positionOf(page, list, ['integer']) ?? [];
  const { rows } = await pool.query<LogRow>(text, [orgId, sequence, page.size + 1, ...condition]);
  return pageOf(rows, page, list, (row) => [row.sequence], revisionOf, pageWeight);
}

function revisionOf(row: LogRow): Revision {
  return {
    kind: row.kind,
    id: row.subject,
    revision: row.revision === null ? undefined : Number(row.revision),
    deleted: row.deleted,
    reason: row.reason,
    actor: row.actor,
    atMs: row.at.getTime(),
    content: row.doc === null ? undefined : revisedRecord(row.kind, row.doc),
  };
}

function revisedRecord(kind: RevisionKind, doc: RevisedDoc): RevisedRecord | undefined {
  if (kind === 'policy' || kind === 'price' || kind === 'raise') return undefined;
  // The column holds the document of the row's own kind.
  if (kind === 'organization') {
    const record = decodeOrganization(openDoc<Organization>(doc as StoredDoc<Organization>));
    return { kind, record };
  }
  const opened = openDoc<RecordOf[typeof kind]>(doc);
  return { kind, record: decodeRecord(kind, opened) } as RevisedRecord;
}
