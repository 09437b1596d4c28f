import type { Pool } from 'pg';
import { storeFailure } from '../../db/errors.ts';
import { pageOf, positionOf } from '../../platform/paging.ts';
import type { Listed, Page } from '../../platform/paging.ts';
import type { UserFilter } from '../user-views.ts';

/** No character of an id is above it. */
const afterAll = '\u{10FFFF}';

const inRange = (id: string): string => `${id} > $2 AND ${id} >= $3 AND ${id} < $4`;

/** Both follow an index to the end of the page. */
const ofRecords = (more: string): string => `SELECT id FROM record
  WHERE org_id = $1 AND kind = 'user' AND NOT deleted AND ${inRange('id')}${more}
  ORDER BY id LIMIT $5`;
const ofPolicies = (more: string): string => `SELECT subject_id AS id FROM policy_revision
  WHERE org_id = $1 AND subject_kind = 'user' AND newest AND NOT deleted AND ${inRange('subject_id')}${more}
  ORDER BY subject_id LIMIT $5`;

/** The statement that lists the users of a filter: $1 organization, $2 after which, $3, $4 range, $5 size, $6 tier. */
export function listUsersStatement({ tier, withPolicy, withBypass }: UserFilter): string {
  if (withBypass) return ofPolicies(" AND doc ? 'bypass'");
  if (tier !== undefined) return ofRecords(" AND doc->>'tier' = $6");
  if (withPolicy) return ofPolicies('');
  return `(${ofRecords('')}) UNION (${ofPolicies('')}) ORDER BY id LIMIT $5`;
}

/**
 * Lists registered users, and others with a policy, by id. Of a tier and a bypass together only the bypass is looked
 * for.
 */
export async function listUsers(
  pool: Pool,
  orgId: string,
  filter: UserFilter,
  page: Page,
): Promise<Listed<string>> {
  const list = `${orgId}/user-policies`;
  const [after = ''] = positionOf(page, list, ['text']) ?? [];
  const { idPrefix, tier, withBypass } = filter;
  const range = [orgId, after, idPrefix, `${idPrefix}${afterAll}`, page.size + 1];
  const parameters = tier === undefined || withBypass ? range : [...range, tier];
  try {
    const { rows } = await pool.query<{ id: string }>(listUsersStatement(filter), parameters);
    return pageOf(
      rows,
      page,
      list,
      ({ id }) => [id],
      ({ id }) => id,
    );
  } catch (cause) {
    throw storeFailure(cause);
  }
}
