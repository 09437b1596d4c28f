import type { Pool } from 'pg';
import { platformId } from '../policy-store.ts';
import type { RecordKind } from '../policy-store.ts';

/** The kinds of records that organizations inherit from the platform. */
export const catalogKinds = [
  'model',
  'route_group',
  'model_group',
] as const satisfies readonly RecordKind[];
export type CatalogKind = (typeof catalogKinds)[number];

/** The kinds that share one name space with a kind, itself included. */
export function kindsOfNames(kind: CatalogKind): readonly CatalogKind[] {
  return kind === 'model_group' ? ['model_group'] : ['model', 'route_group'];
}

/** The epoch of the platform's catalog if an organization inherits it; 0: it does not, or there is nothing to inherit. */
export async function inheritedEpoch(client: Pick<Pool, 'query'>, orgId: string): Promise<number> {
  const { rows } = await client.query<{ epoch: string }>(
    `SELECT CASE WHEN o.catalog = 'INHERIT' THEN p.epoch ELSE 0 END AS epoch
FROM org AS o CROSS JOIN platform AS p WHERE o.org_id = $1`,
    [orgId],
  );
  return Number(rows[0]?.epoch ?? 0);
}

/** Those of some names that the platform has, as records of these kinds, if an organization inherits them. */
export async function inheritedNames(
  client: Pick<Pool, 'query'>,
  orgId: string,
  kinds: readonly CatalogKind[],
  ids: readonly string[],
): Promise<ReadonlySet<string>> {
  if (ids.length === 0 || (await inheritedEpoch(client, orgId)) === 0) return new Set();
  const { rows } = await client.query<{ id: string }>(
    `SELECT id FROM record
WHERE org_id = $1 AND kind = ANY($2::text[]) AND id = ANY($3::text[]) AND NOT deleted`,
    [platformId, kinds, ids],
  );
  return new Set(rows.map(({ id }) => id));
}
