import type { Pool } from 'pg';

/** Those of the given organizations that the store does not know. The empty id is the platform's, which is none. */
export async function unknownOrganizations(
  pool: Pool,
  orgIds: readonly string[],
): Promise<readonly string[]> {
  const { rows } = await pool.query<{ id: string }>(
    `SELECT id FROM unnest($1::text[]) WITH ORDINALITY AS given (id, place)
     WHERE id = '' OR NOT EXISTS (SELECT 1 FROM org WHERE org.org_id = given.id) ORDER BY place`,
    [orgIds],
  );
  return rows.map(({ id }) => id);
}
