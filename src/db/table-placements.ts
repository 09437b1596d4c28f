import type { ClientBase } from 'pg';

/** Where a table is kept in a cluster. */
export type Place = 'by organization' | 'by secret' | 'on every node' | 'local';

/** A table and where it is kept. */
export interface TablePlacement {
  readonly table: string;
  /** Undefined: it is not one of ours. */
  readonly place: Place | undefined;
}

/** Tables that are not kept by organization, and why. */
const others: Readonly<Record<string, Place>> = {
  // A secret is looked up before its organization is known.
  credential_secret: 'by secret',
  // One row, read by every batch under the locks of its organization.
  platform: 'on every node',
  // Few rows, read by every call, or changed together with those.
  account: 'on every node',
  account_certificate: 'on every node',
  account_request: 'on every node',
  account_secret: 'on every node',
  // A table of the coordinator goes on when a worker is lost.
  sweep_lease: 'local',
  tollgate_migration: 'local',
};

/**
 * Where each table is kept, `org` first, since others refer to it. Read from the schema: a table whose primary key begins
 * with `org_id` is kept by organization. Partitions go with their tables.
 */
export async function tablePlacements(
  client: Pick<ClientBase, 'query'>,
): Promise<readonly TablePlacement[]> {
  const { rows } = await client.query<{ name: string; first: string | null }>(
    `SELECT c.relname AS name, (SELECT a.attname FROM pg_index i JOIN pg_attribute a
    ON a.attrelid = c.oid AND a.attnum = i.indkey[0] WHERE i.indrelid = c.oid AND i.indisprimary) AS first
FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
  AND NOT c.relispartition
ORDER BY c.relname <> 'org', c.relname`,
  );
  return rows.map(({ name, first }) => ({ table: name, place: placeOf(name, first) }));
}

function placeOf(table: string, first: string | null): Place | undefined {
  return others[table] ?? (first === 'org_id' ? 'by organization' : undefined);
}
