import type { Pool } from 'pg';

/** How many records of a kind have each of the facets; the empty one counts all. What is missing is 0. */
export async function readCounts(
  pool: Pool,
  orgId: string,
  kind: string,
  facets: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const { rows } = await pool.query<{ facet: string; records: string }>(
    `SELECT facet, records FROM record_count
WHERE org_id = $1 AND kind = $2 AND facet = ANY($3::text[])`,
    [orgId, kind, facets],
  );
  return new Map(rows.map(({ facet, records }) => [facet, Number(records)]));
}
