import { storeFailure } from '../../db/errors.ts';
import { pageOf, positionOf } from '../../platform/paging.ts';
import type { Listed, Page } from '../../platform/paging.ts';
import type {
  DirectoryCounts,
  ListedTier,
  OrganizationCounts,
  TeamCounts,
} from '../directory-counts.ts';
import type { StoreParts } from './change.ts';
import { readCounts } from './record-counts.ts';
import { facetOf } from './record-facets.ts';
import { requireOrganization } from './records.ts';

/** What is counted in the directory: the users of tiers, and the members and children of teams. */
export function storedCounts(parts: StoreParts): DirectoryCounts {
  return {
    listTiers: (orgId, page) => listTiers(parts, orgId, page),
    countOrganizations: (orgIds) => countOrganizations(parts, orgIds),
    countTeams: (orgId, ids) => countTeams(parts, orgId, ids),
  };
}

interface TierRow {
  readonly id: string;
  readonly users: string;
  readonly has_policy: boolean;
}

/** Tiers that users are on, and tiers with a policy: a page of each, by its index, and of both a page. */
const tierStatement = `
WITH used AS (
  SELECT substr(facet, 6) AS id, records FROM record_count
  WHERE org_id = $1 AND kind = 'user' AND facet > 'tier=' || $2 AND facet < 'tier>' AND records > 0
  ORDER BY facet LIMIT $3
), declared AS (
  SELECT subject_id AS id FROM policy_revision
  WHERE org_id = $1 AND subject_kind = 'tier' AND subject_id > $2 AND newest AND NOT deleted
  ORDER BY subject_id LIMIT $3
)
SELECT coalesce(u.id, d.id) COLLATE "C" AS id, coalesce(u.records, 0) AS users, d.id IS NOT NULL AS has_policy
FROM used u FULL JOIN declared d ON d.id = u.id ORDER BY 1 LIMIT $3`;

async function listTiers(
  parts: StoreParts,
  orgId: string,
  page: Page,
): Promise<Listed<ListedTier>> {
  const list = `${orgId}/tiers`;
  const [after = ''] = positionOf(page, list, ['text']) ?? [];
  try {
    const { rows } = await parts.pool.query<TierRow>(tierStatement, [orgId, after, page.size + 1]);
    if (rows.length === 0) await requireOrganization(parts, orgId);
    return pageOf(rows, page, list, ({ id }) => [id], tierOf);
  } catch (cause) {
    throw storeFailure(cause);
  }
}

function tierOf({ id, users, has_policy: hasPolicy }: TierRow): ListedTier {
  return { id, users: Number(users), hasPolicy };
}

async function countOrganizations(
  { pool }: StoreParts,
  orgIds: readonly string[],
): Promise<ReadonlyMap<string, OrganizationCounts>> {
  try {
    const { rows } = await pool.query<{
      org_id: string;
      kind: 'team' | 'user' | 'key';
      records: string;
    }>(
      `SELECT org_id, kind, records FROM record_count
WHERE org_id = ANY($1::text[]) AND kind IN ('team', 'user', 'key') AND facet = ''`,
      [orgIds],
    );
    const counts = new Map(orgIds.map((id) => [id, { team: 0, user: 0, key: 0 }]));
    for (const { org_id: id, kind, records } of rows) {
      const found = counts.get(id);
      if (found !== undefined) found[kind] = Number(records);
    }
    return new Map(
      [...counts].map(([id, { team, user, key }]) => [id, { teams: team, users: user, keys: key }]),
    );
  } catch (cause) {
    throw storeFailure(cause);
  }
}

async function countTeams(
  { pool }: StoreParts,
  orgId: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, TeamCounts>> {
  const [teamOf, parentOf] = [
    ids.map((id) => facetOf('team', id)),
    ids.map((id) => facetOf('parent', id)),
  ];
  try {
    const [members, children] = await Promise.all([
      readCounts(pool, orgId, 'user', teamOf),
      readCounts(pool, orgId, 'team', parentOf),
    ]);
    return new Map(
      ids.map((id) => {
        const counts = {
          members: members.get(facetOf('team', id)) ?? 0,
          children: children.get(facetOf('parent', id)) ?? 0,
        };
        return [id, counts];
      }),
    );
  } catch (cause) {
    throw storeFailure(cause);
  }
}
