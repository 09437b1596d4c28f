import type { ClientBase } from 'pg';
import { tablePlacements } from './table-placements.ts';

/** What a database with the extension Citus says of itself. */
export interface Distribution {
  /** False on a worker: only through the coordinator is a transaction of several tables one. */
  readonly isCoordinator: boolean;
  /** Tables that should be distributed and are not. */
  readonly localTables: readonly string[];
}

/** Reads how a database is distributed; undefined where it has no such extension. */
export async function readDistribution(
  client: Pick<ClientBase, 'query'>,
): Promise<Distribution | undefined> {
  const found = await client.query("SELECT FROM pg_extension WHERE extname = 'citus'");
  if (found.rows.length === 0) return undefined;
  const { rows: groups } = await client.query<{ groupid: number }>(
    'SELECT groupid FROM pg_dist_local_group',
  );
  const placements = await tablePlacements(client);
  const distributed = await distributedTables(client);
  return {
    isCoordinator: groups.every(({ groupid }) => groupid === 0),
    localTables: placements
      .filter(
        ({ table, place }) => place !== undefined && place !== 'local' && !distributed.has(table),
      )
      .map(({ table }) => table),
  };
}

/** The tables that Citus distributes already. */
export async function distributedTables(
  client: Pick<ClientBase, 'query'>,
): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ name: string }>(
    'SELECT c.relname AS name FROM pg_dist_partition p JOIN pg_class c ON c.oid = p.logicalrelid',
  );
  return new Set(rows.map(({ name }) => name));
}

/** Why a database cannot be used: its URL leads to a worker. */
export class NotTheCoordinator extends Error {
  constructor() {
    super('DATABASE_URL leads to a worker of a Citus cluster; expected its coordinator');
  }
}
