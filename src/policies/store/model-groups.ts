import { storeFailure } from '../../db/errors.ts';
import type { StoreParts } from './change.ts';
import { mostCounted, pageOf, positionOf } from '../../platform/paging.ts';
import type { ListedModelGroup, PolicyStore } from '../policy-store.ts';
import type { Listed, Page } from '../../platform/paging.ts';
import { entriesOf } from './catalog-entries.ts';
import type { EntryColumns } from './catalog-entries.ts';
import { inheritedEpoch } from './inheritance.ts';
import { listedOf as storedOf, requireOrganization } from './records.ts';
import type { RecordRow } from './records.ts';

/** How model groups differ from other records: they exist without a record, and models have them. */
export function storedModelGroups(
  parts: StoreParts,
): Pick<PolicyStore, 'listModelGroups' | 'countModels'> {
  return {
    listModelGroups: (orgId, page) => list(parts, orgId, page),
    countModels: (orgId, groupId) => countModels(parts, orgId, groupId),
  };
}

type GroupRow = (
  (RecordRow<'model_group'> & EntryColumns) | { readonly id: string; readonly doc: null }
) & {
  readonly models: number;
  readonly total: number;
};

/** Groups that models name, and groups with a record: most are both. $1 and $2 as in `entriesOf`. */
const matchingGroups = `
WITH labelled AS (
  SELECT g.id COLLATE "C" AS id, count(*)::integer AS models
  FROM ${entriesOf('model')} AS m CROSS JOIN LATERAL jsonb_array_elements_text(m.doc->'groups') AS g(id)
  GROUP BY 1
), matching AS (
  SELECT id, doc, version, created_at, updated_at, is_platform, replaces, coalesce(models, 0) AS models
  FROM ${entriesOf('model_group')} AS said FULL JOIN labelled USING (id)
  WHERE strpos(lower(id || ' ' || coalesce(doc->>'displayName', '')), lower($3)) > 0
)`;

async function list(
  parts: StoreParts,
  orgId: string,
  page: Page,
): Promise<Listed<ListedModelGroup>> {
  const name = `${orgId}/model_group`;
  const after = positionOf(page, name, ['text'])?.[0] ?? '';
  try {
    const isInheriting = (await inheritedEpoch(parts.pool, orgId)) > 0;
    // All groups are counted together with their models in any case, so their number costs nothing.
    const { rows } = await parts.pool.query<GroupRow>(
      `${matchingGroups} SELECT * FROM matching
CROSS JOIN (SELECT least(count(*), ${mostCounted})::integer AS total FROM matching) AS counted
WHERE id > $4 ORDER BY id LIMIT $5`,
      [orgId, isInheriting, page.contains ?? '', after, page.size + 1],
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
    const isInheriting = (await inheritedEpoch(parts.pool, orgId)) > 0;
    const { rows } = await parts.pool.query<{ readonly models: number }>(
      `SELECT count(*)::integer AS models FROM ${entriesOf('model')} AS m WHERE m.doc->'groups' ? $3`,
      [orgId, isInheriting, groupId],
    );
    return rows[0]?.models ?? 0;
  } catch (cause) {
    throw storeFailure(cause);
  }
}

function listedOf(row: GroupRow): ListedModelGroup {
  const { id, models } = row;
  if (row.doc === null) return { id, models, stored: undefined };
  return { id, models, stored: storedOf('model_group', row) };
}
