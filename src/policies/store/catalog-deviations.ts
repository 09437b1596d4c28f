import type { Organization } from '../../core/organization.ts';
import { storeFailure } from '../../db/errors.ts';
import { positionOf, tokenAfter } from '../../platform/paging.ts';
import type { CatalogDeviation } from '../catalog-uses.ts';
import { platformId } from '../policy-store.ts';
import type { PolicyStore } from '../policy-store.ts';
import type { StoreParts } from './change.ts';

/** How many organizations are looked at for a page, and how many names are listed of each. */
const mostScanned = 2000;
const mostNames = 100;

/** Which organizations differ from the platform, at the store. */
export function storedDeviations(parts: StoreParts): Pick<PolicyStore, 'listCatalogDeviations'> {
  return {
    async listCatalogDeviations(name, page) {
      const list = 'catalog-deviations';
      const [after = ''] = positionOf(page, list, ['text']) ?? [];
      try {
        const values = [after, name ?? null, mostScanned, page.size, mostNames];
        const { rows } = await parts.pool.query<DeviationRow>(statement, values);
        const items = rows.filter(({ deviates }) => deviates).map(deviationOf);
        const [row] = rows;
        // A full page ends with its last organization, and a short one where no more were looked at.
        const last = items.length >= page.size ? items.at(-1)?.orgId : row?.last;
        const isEnd = items.length < page.size && (row?.scanned ?? 0) < mostScanned;
        const nextToken = isEnd || !last ? undefined : tokenAfter(page, list, [last]);
        return { items, nextToken };
      } catch (cause) {
        throw storeFailure(cause);
      }
    },
  };
}

interface DeviationRow {
  readonly org_id: string;
  readonly catalog: Organization['catalog'];
  readonly deviates: boolean;
  readonly replaced: readonly string[];
  readonly replaced_count: number;
  readonly added_count: number;
  readonly price_count: number;
  readonly scanned: number;
  readonly last: string;
}

const ownTargets =
  "r.org_id = o.org_id AND r.kind IN ('model', 'route_group') AND NOT r.deleted AND ($2::text IS NULL OR r.id = $2)";
/** A model may contain colons; a provider does not. */
const ownPrices = `p.org_id = o.org_id AND p.revoked_epoch IS NULL AND ($2::text IS NULL OR p.subject = $2
  OR (p.scope = 'PROVIDER_MODEL' AND substr(p.subject, strpos(p.subject, ':') + 1) = $2))`;

/**
 * $1 after which organization; $2 a name, or null; $3 how many organizations to look at; $4 how many to list; $5 how many
 * names of each. One row at least, if any organization was looked at.
 */
const statement = `WITH shared AS MATERIALIZED (
  SELECT id FROM record WHERE org_id = '${platformId}' AND kind IN ('model', 'route_group') AND NOT deleted
), looked AS MATERIALIZED (
  SELECT org_id, catalog FROM org WHERE org_id > $1 AND org_id <> '${platformId}' ORDER BY org_id LIMIT $3
), deviating AS MATERIALIZED (
  SELECT o.* FROM looked AS o WHERE (o.catalog = 'OWN' AND $2::text IS NULL)
    OR EXISTS (SELECT FROM record AS r WHERE ${ownTargets})
    OR EXISTS (SELECT FROM price_revision AS p WHERE ${ownPrices})
  ORDER BY org_id LIMIT $4
), span AS (SELECT count(*)::integer AS scanned, max(org_id) AS last FROM looked)
SELECT span.*, o.org_id, o.catalog, o.org_id IS NOT NULL AS deviates, own.replaced, own.replaced_count, own.added_count,
  priced.price_count
FROM span LEFT JOIN deviating AS o ON true
LEFT JOIN LATERAL (
  SELECT count(s.id)::integer AS replaced_count, count(*) FILTER (WHERE s.id IS NULL)::integer AS added_count,
    coalesce((array_agg(s.id ORDER BY s.id) FILTER (WHERE s.id IS NOT NULL))[1:$5], '{}') AS replaced
  FROM record AS r LEFT JOIN shared AS s ON s.id = r.id WHERE ${ownTargets}
) AS own ON true
LEFT JOIN LATERAL (
  SELECT count(DISTINCT (p.scope, p.subject, p.service_tier))::integer AS price_count
  FROM price_revision AS p WHERE ${ownPrices}
) AS priced ON true
ORDER BY o.org_id`;

function deviationOf(row: DeviationRow): CatalogDeviation {
  return {
    orgId: row.org_id,
    catalog: row.catalog,
    replaced: row.replaced,
    replacedCount: row.replaced_count,
    addedCount: row.added_count,
    priceCount: row.price_count,
  };
}
