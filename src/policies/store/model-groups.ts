import type { ModelGroup } from '../../core/catalog.ts';
import { storeFailure } from '../../db/errors.ts';
import type { StoreParts } from './change.ts';
import { mostCounted, pageOf, positionOf } from '../../platform/paging.ts';
import type { ListedModelGroup, PolicyStore } from '../policy-store.ts';
import type { Listed, Page } from '../../platform/paging.ts';
import { requireOrganization } from './records.ts';
import type { RecordRow } from './records.ts';
import { decodeRecord, openDoc } from './documents.ts';

/** How model groups differ from other records: they exist without a record, and models have them. */
export function storedModelGroups(
  parts: StoreParts,
): Pick<PolicyStore, 'listModelGroups' | 'countModels'> {
  return {
    listModelGroups: (orgId, page) => list(parts, orgId, page),
    countModels: (orgId, groupId) => countModels(parts, orgId, groupId),
  };
}

type GroupRow = (RecordRow<'model_group'> | { readonly id: string; readonly doc: null }) & {
  readonly models: number;
  readonly total: number;
};

/** Groups that models name, and groups with a record: most are both. */
const matchingGroups = `
WITH labelled AS (
  SELECT g.id COLLATE "C" AS id, count(*)::integer AS models
  FROM record m CROSS JOIN LATERAL jsonb_array_elements_text(m.doc->'groups') AS g(id)
  WHERE m.org_id = $1 AND m.kind = 'model' AND NOT m.deleted GROUP BY 1
), said AS (
  SELECT id, doc, version, created_at, updated_at FROM record
  WHERE org_id = $1 AND kind = 'model_group' AND NOT deleted
), matching AS (
  SELECT id, doc, version, created_at, updated_at, coalesce(models, 0) AS models
  FROM said FULL JOIN labelled USING (id)
  WHERE strpos(lower(id || ' ' || coalesce(doc->>'displayName', '')), lower($2)) > 0
)`;

async function list(
  parts: StoreParts,
  orgId: string,
  page: Page,
): Promise<Listed<ListedModelGroup>> {
  const name = `${orgId}/model_group`;
  const after = positionOf(page, name, ['text'])?.[0] ?? '';
  try {
    // All groups are counted together with their models in any case, so their number costs nothing.
    const { rows } = await parts.pool.query<GroupRow>(
      `${matchingGroups} SELECT * FROM matching
CROSS JOIN (SELECT least(count(*), ${mostCounted})::integer AS total FROM matching) AS counted
WHERE id > $3 ORDER BY id LIMIT $4`,
      [orgId, page.contains ?? '', after, page.size + 1],
    );
    const [first] = rows;
    if (first === undefined) await requireOrganization(parts, orgId);
    return { ...pageOf(rows, page, name, (row) => [row.id], listedOf), total: first?.total ?? 0 };
  } catch (cause) {
    throw storeFailure(cause);
  }
}

async function countModels(parts: StoreParts, orgId: string, groupId: string): Promise<number> {
  try {
    const { rows } = await parts.pool.query<{ readonly models: number }>(
      `SELECT count(*)::integer AS models FROM record
  WHERE org_id = $1 AND kind = 'model' AND NOT deleted AND doc->'groups' ? $2`,
      [orgId, groupId],
    );
    return rows[0]?.models ?? 0;
  } catch (cause) {
    throw storeFailure(cause);
  }
}

function listedOf(row: GroupRow): ListedModelGroup {
  const { id, models } = row;
  if (row.doc === null) return { id, models, stored: undefined };
  const stored = {
    record: decodeRecord('model_group', openDoc<ModelGroup>(row.doc)),
    etag: row.version,
    createdAtMs: row.created_at.getTime(),
    updatedAtMs: row.updated_at.getTime(),
  };
  return { id, models, stored };
}
