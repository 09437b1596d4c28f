import type { User } from '../../core/directory.ts';
import { storeFailure } from '../../db/errors.ts';
import { pageOf, positionOf } from '../../platform/paging.ts';
import type { Listed, Page } from '../../platform/paging.ts';
import type { PolicyStore } from '../policy-store.ts';
import type { UserWithPolicy } from '../user-with-policy.ts';
import type { StoreParts } from './change.ts';
import { decodeRecord, openDoc } from './documents.ts';
import type { StoredDoc } from './documents.ts';
import { isLive, readNewestOf } from './policy-revisions.ts';
import { requireOrganization } from './records.ts';

/** The users of the store, each with its policy. */
export function storedUsersWithPolicies(
  parts: StoreParts,
): Pick<PolicyStore, 'listUsersWithPolicies'> {
  return {
    async listUsersWithPolicies(orgId, page) {
      try {
        const listed = await list(parts, orgId, page);
        if (listed.items.length === 0) await requireOrganization(parts, orgId);
        return listed;
      } catch (cause) {
        throw storeFailure(cause);
      }
    },
  };
}

interface UserRow {
  readonly id: string;
  readonly doc: StoredDoc<User> | null;
}

/** Each of the two lists follows its index and is cut to a page before they are joined. */
const statement = `
SELECT page.id, r.doc FROM (
  (SELECT id FROM record WHERE org_id = $1 AND kind = 'user' AND NOT deleted AND id > $2
   ORDER BY id LIMIT $3)
  UNION
  (SELECT subject_id FROM policy_revision
   WHERE org_id = $1 AND subject_kind = 'user' AND newest AND NOT deleted AND subject_id > $2
   ORDER BY subject_id LIMIT $3)
  ORDER BY id LIMIT $3
) AS page
LEFT JOIN record AS r ON r.org_id = $1 AND r.kind = 'user' AND r.id = page.id AND NOT r.deleted
ORDER BY page.id`;

async function list(
  { pool }: StoreParts,
  orgId: string,
  page: Page,
): Promise<Listed<UserWithPolicy>> {
  const name = `${orgId}/users-with-policies`;
  const [after = ''] = positionOf(page, name, ['text']) ?? [];
  const { rows } = await pool.query<UserRow>(statement, [orgId, after, page.size + 1]);
  const subjects = rows.map(({ id }) => ({ kind: 'user' as const, id }));
  const newest = await readNewestOf(pool, orgId, subjects);
  const userOf = ({ id, doc }: UserRow): UserWithPolicy => {
    const revision = newest.get(`user:${id}`);
    return {
      id,
      user: doc === null ? undefined : decodeRecord('user', openDoc<User>(doc)),
      policy: isLive(revision) ? revision : undefined,
    };
  };
  return pageOf(rows, page, name, ({ id }) => [id], userOf);
}
