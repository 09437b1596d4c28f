import { storeFailure } from '../../db/errors.ts';
import { pageOf, positionOf } from '../../platform/paging.ts';
import type { Listed, Page } from '../../platform/paging.ts';
import type { RecordOf, Stored } from '../policy-store.ts';
import type { StoreParts } from './change.ts';
import { sortedList } from './list-order.ts';
import type { SearchedKind } from './record-facets.ts';
import { readCounts } from './record-counts.ts';
import { pageWeight, requireOrganization, sortExpressions, storedOf } from './records.ts';
import type { RecordRow } from './records.ts';
import { isSelecting, searchRecords } from './search-records.ts';

/** Lists records of which an organization may have a million: all in some order, or those that are searched for. */
export async function listDirectory<K extends SearchedKind>(
  parts: StoreParts,
  orgId: string,
  kind: K,
  page: Page,
): Promise<Listed<Stored<RecordOf[K]>>> {
  try {
    const listed = await (isSelecting(page)
      ? searchRecords(parts, orgId, kind, page)
      : listAll(parts, orgId, kind, page));
    if (listed.items.length === 0) await requireOrganization(parts, orgId);
    return { ...listed, total: await totalOf(parts, orgId, kind, page) };
  } catch (cause) {
    throw storeFailure(cause);
  }
}

async function listAll<K extends SearchedKind>(
  { pool }: StoreParts,
  orgId: string,
  kind: K,
  page: Page,
): Promise<Listed<Stored<RecordOf[K]>>> {
  const list = `${orgId}/${kind}`;
  const sorted = sortedList(page.order, sortExpressions);
  const after = positionOf(page, list, sorted.columns);
  const { rows } = await pool.query<RecordRow<K> & { readonly sort_key: string }>(
    `SELECT id, doc, version, created_at, updated_at, ${sorted.key} AS sort_key FROM record
WHERE org_id = $1 AND kind = $2 AND NOT deleted
  ${after === undefined ? '' : `AND ${sorted.after(4)}`} ORDER BY ${sorted.orderBy} LIMIT $3`,
    [orgId, kind, page.size + 1, ...(after ?? [])],
  );
  const position = (row: (typeof rows)[number]) => sorted.position(row.sort_key, row.id);
  return pageOf(rows, page, list, position, (row) => storedOf(kind, row), pageWeight);
}

/** How many there are on all pages, where that is kept: of all of a kind, and of those with one facet. */
async function totalOf(
  parts: StoreParts,
  orgId: string,
  kind: SearchedKind,
  { search, facets = [] }: Page,
): Promise<number> {
  if (search !== undefined || facets.length > 1) return 0;
  const [facet = ''] = facets;
  return (await readCounts(parts.pool, orgId, kind, [facet])).get(facet) ?? 0;
}
