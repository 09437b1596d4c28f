import type { PoolClient } from 'pg';
import { storeFailure } from '../../db/errors.ts';
import { runChange } from './change.ts';
import type { ChangeRequest, Done, Locked, StoreParts } from './change.ts';
import { notFound, recordNotFound, requireCondition } from './change-errors.ts';
import { countRows, sortedList } from './list-order.ts';
import { pageOf, positionOf } from '../../platform/paging.ts';
import type { Change, PolicyStore, RecordKind, RecordOf, Stored } from '../policy-store.ts';
import type { Listed, Page, PageWeight } from '../../platform/paging.ts';
import { entriesOf, isCatalogKind, withOrigin } from './catalog-entries.ts';
import type { EntryColumns } from './catalog-entries.ts';
import { inheritedEpoch } from './inheritance.ts';
import { indexRecord } from './index-record.ts';
import { checkNameSpace, checkReferences, keepFacts } from './record-rules.ts';
import { decodeRecord, encodeDoc, openDoc } from './documents.ts';
import type { Doc, StoredDoc } from './documents.ts';

/** Directory and catalog of the store. */
export function storedRecords(
  parts: StoreParts,
): Pick<PolicyStore, 'put' | 'get' | 'getMany' | 'list'> {
  return {
    put: async (orgId, kind, record, by) => {
      const request = recordRequest(orgId, kind, by, [`put ${kind}`, record]);
      const { result } = await runChange(parts, request, (locked) =>
        writeRecord(locked, kind, record),
      );
      return result;
    },
    get: async (orgId, kind, id) => {
      try {
        const found = await readMany(parts, orgId, kind, [id]);
        const record = found.get(id);
        if (record !== undefined) return record;
      } catch (cause) {
        throw storeFailure(cause);
      }
      throw recordNotFound(kind, id);
    },
    getMany: (orgId, kind, ids) => readMany(parts, orgId, kind, ids),
    list: (orgId, kind, page) => listRecords(parts, orgId, kind, page),
  };
}

/** A row of `record`. */
export interface RecordRow<K extends RecordKind> {
  readonly id: string;
  readonly doc: StoredDoc<RecordOf[K]>;
  readonly version: string;
  readonly created_at: Date;
  readonly updated_at: Date;
}

const columns = 'id, doc, version, created_at, updated_at';

/** A record has up to 64 names of others, each of up to 200 characters: a page is bounded by them too. */
export const pageWeight: PageWeight<RecordRow<RecordKind>> = {
  most: 20_000,
  of: ({ doc }) =>
    Object.values(doc).reduce<number>(
      (sum, value) => sum + (Array.isArray(value) ? value.length : 0),
      1,
    ),
};

const matches = `strpos(lower(id || ' ' || coalesce(doc->>'displayName', '')), lower($3)) > 0`;

type ListedRow<K extends RecordKind> = RecordRow<K> & Partial<EntryColumns>;

/** Where the records of a kind are read from, up to a condition; with the parameters $1 and $2. */
async function readingOf(
  { pool }: StoreParts,
  orgId: string,
  kind: RecordKind,
): Promise<{ readonly from: string; readonly scope: readonly unknown[] }> {
  if (!isCatalogKind(kind)) {
    const from = 'FROM record WHERE org_id = $1 AND kind = $2 AND NOT deleted AND';
    return { from, scope: [orgId, kind] };
  }
  const isInheriting = (await inheritedEpoch(pool, orgId)) > 0;
  return { from: `FROM ${entriesOf(kind)} AS entry WHERE`, scope: [orgId, isInheriting] };
}

function columnsOfOrigin(kind: RecordKind): string {
  return isCatalogKind(kind) ? ', is_platform, replaces' : '';
}

/** Reads a record as it is listed, with its origin if it is an entry of a catalog. */
export function listedOf<K extends RecordKind>(kind: K, row: ListedRow<K>): Stored<RecordOf[K]> {
  const stored = storedOf(kind, row);
  const { is_platform: isPlatform, replaces: replacesPlatform } = row;
  if (isPlatform === undefined || replacesPlatform === undefined) return stored;
  return { ...stored, origin: { source: isPlatform ? 'PLATFORM' : 'OWN', replacesPlatform } };
}

/** What records are sorted by. */
export const sortExpressions = {
  id: 'id',
  display_name: `lower(coalesce(doc->>'displayName', '')) COLLATE "C"`,
  create_time: 'created_at',
  update_time: 'updated_at',
};

/** A change of one record, in the form that recognises its repeats. */
export function recordRequest<K extends RecordKind>(
  orgId: string,
  kind: K,
  by: Change,
  content: readonly unknown[],
): ChangeRequest<Stored<RecordOf[K]>> {
  const decode = (doc: Stored<Doc<RecordOf[K]>>): Stored<RecordOf[K]> => ({
    ...doc,
    record: decodeRecord(kind, doc.record),
  });
  return { orgId, by, content, decode };
}

/** Writes a record of a locked organization, if its conditions and references hold. */
export async function writeRecord<K extends RecordKind>(
  locked: Locked,
  kind: K,
  record: RecordOf[K],
): Promise<Done<Stored<RecordOf[K]>>> {
  const { client, orgId, epoch, now, by } = locked;
  await checkNameSpace(client, orgId, kind, record.id);
  const before = await readRecord(client, orgId, kind, record.id);
  requireCondition(by, before, kind, record.id);
  const after = keepFacts(kind, record, before?.record);
  await checkReferences(client, orgId, kind, after);
  const { rows } = await client.query<RecordRow<K>>(
    `INSERT INTO record AS r (org_id, kind, id, doc, version, epoch, created_at, updated_at)
VALUES ($1, $2, $3, $4, 1, $5, $6, $6)
ON CONFLICT (org_id, kind, id) DO UPDATE SET doc = excluded.doc, version = r.version + 1,
  epoch = excluded.epoch, updated_at = excluded.updated_at, deleted = false,
  created_at = CASE WHEN r.deleted THEN excluded.created_at ELSE r.created_at END
RETURNING ${columns}`,
    [orgId, kind, record.id, encodeDoc(after), epoch, now],
  );
  const [row] = rows;
  if (row === undefined) throw recordNotFound(kind, record.id);
  const result = await withOrigin(client, orgId, kind, storedOf(kind, row));
  const revision = Number(row.version);
  await indexRecord(locked, kind, before?.record, after);
  return { result, kind, subject: record.id, revision, before: before?.record, after };
}

/** Reads one record; undefined if there is none. */
export async function readRecord<K extends RecordKind>(
  client: Pick<PoolClient, 'query'>,
  orgId: string,
  kind: K,
  id: string,
): Promise<Stored<RecordOf[K]> | undefined> {
  const { rows } = await client.query<RecordRow<K>>(
    `SELECT ${columns} FROM record
WHERE org_id = $1 AND kind = $2 AND id = $3 AND NOT deleted`,
    [orgId, kind, id],
  );
  const [row] = rows;
  return row === undefined ? undefined : storedOf(kind, row);
}

async function readMany<K extends RecordKind>(
  parts: StoreParts,
  orgId: string,
  kind: K,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Stored<RecordOf[K]>>> {
  try {
    const { from, scope } = await readingOf(parts, orgId, kind);
    const { rows } = await parts.pool.query<ListedRow<K>>(
      `SELECT ${columns}${columnsOfOrigin(kind)} ${from} id = ANY($3::text[])`,
      [...scope, ids],
    );
    if (rows.length === 0) await requireOrganization(parts, orgId);
    return new Map(rows.map((row) => [row.id, listedOf(kind, row)]));
  } catch (cause) {
    throw storeFailure(cause);
  }
}

async function listRecords<K extends RecordKind>(
  parts: StoreParts,
  orgId: string,
  kind: K,
  page: Page,
): Promise<Listed<Stored<RecordOf[K]>>> {
  const list = `${orgId}/${kind}`;
  const sorted = sortedList(page.order, sortExpressions);
  const after = positionOf(page, list, sorted.columns);
  try {
    const { from, scope } = await readingOf(parts, orgId, kind);
    const fromMatching = `${from} ${matches}`;
    const matching = [...scope, page.contains ?? ''];
    const { rows } = await parts.pool.query<ListedRow<K> & { readonly sort_key: string }>(
      `SELECT ${columns}${columnsOfOrigin(kind)}, ${sorted.key} AS sort_key ${fromMatching}
  ${after === undefined ? '' : `AND ${sorted.after(5)}`} ORDER BY ${sorted.orderBy} LIMIT $4`,
      [...matching, page.size + 1, ...(after ?? [])],
    );
    if (rows.length === 0) await requireOrganization(parts, orgId);
    const total = await countRows(parts.pool, fromMatching, matching);
    const position = (row: (typeof rows)[number]) => sorted.position(row.sort_key, row.id);
    const found = pageOf(rows, page, list, position, (row) => listedOf(kind, row), pageWeight);
    return { ...found, total };
  } catch (cause) {
    throw storeFailure(cause);
  }
}

/** NOT_FOUND `ORGANIZATION_NOT_FOUND`, if it is not there. */
export async function requireOrganization(parts: StoreParts, orgId: string): Promise<void> {
  const { rowCount } = await parts.pool.query('SELECT 1 FROM org WHERE org_id = $1', [orgId]);
  if (rowCount === 0) throw notFound('ORGANIZATION_NOT_FOUND', orgId);
}

/** Reads a record from its row. */
export function storedOf<K extends RecordKind>(kind: K, row: RecordRow<K>): Stored<RecordOf[K]> {
  return {
    record: decodeRecord(kind, openDoc<RecordOf[K]>(row.doc)),
    etag: row.version,
    createdAtMs: row.created_at.getTime(),
    updatedAtMs: row.updated_at.getTime(),
  };
}
