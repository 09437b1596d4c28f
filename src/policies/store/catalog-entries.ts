import type { Pool } from 'pg';
import { platformId } from '../policy-store.ts';
import type { RecordKind, RecordOf, Stored } from '../policy-store.ts';
import { catalogKinds, inheritedNames, kindsOfNames } from './inheritance.ts';
import type { CatalogKind } from './inheritance.ts';

/** What a row of `entriesOf` has beside the columns of `record`. */
export interface EntryColumns {
  readonly is_platform: boolean;
  readonly replaces: boolean;
}

/**
 * A subquery: the records of one kind that apply to an organization, its own and those that it inherits. $1 is the
 * organization, or the platform; $2 whether it inherits. An inherited one has the version 0.
 */
export function entriesOf(kind: CatalogKind): string {
  const names = kindsOfNames(kind)
    .map((one) => `'${one}'`)
    .join(', ');
  const liveNames = (of: string): string =>
    `SELECT n.id FROM record AS n WHERE n.org_id = ${of} AND n.kind IN (${names}) AND NOT n.deleted`;
  return `(
  SELECT id, doc, version, created_at, updated_at, org_id = '${platformId}' AS is_platform,
    $2::boolean AND id IN (${liveNames(`'${platformId}'`)}) AS replaces
  FROM record WHERE org_id = $1 AND kind = '${kind}' AND NOT deleted
  UNION ALL
  SELECT id, doc, 0, created_at, updated_at, true, false
  FROM record WHERE $2::boolean AND org_id = '${platformId}' AND kind = '${kind}' AND NOT deleted
    AND id NOT IN (${liveNames('$1')}))`;
}

/** Whether records of a kind are inherited from the platform. */
export function isCatalogKind(kind: RecordKind): kind is CatalogKind {
  return catalogKinds.some((one) => one === kind);
}

/** A record as its owner has just written or deleted it, with its origin. */
export async function withOrigin<K extends RecordKind>(
  client: Pick<Pool, 'query'>,
  orgId: string,
  kind: K,
  stored: Stored<RecordOf[K]>,
): Promise<Stored<RecordOf[K]>> {
  if (!isCatalogKind(kind)) return stored;
  if (orgId === platformId) {
    return { ...stored, origin: { source: 'PLATFORM', replacesPlatform: false } };
  }
  const { id } = stored.record;
  const inherited = await inheritedNames(client, orgId, kindsOfNames(kind), [id]);
  return { ...stored, origin: { source: 'OWN', replacesPlatform: inherited.has(id) } };
}
