import type { ClientBase } from 'pg';
import { NotTheCoordinator, distributedTables, readDistribution } from './distribution.ts';
import { tablePlacements } from './table-placements.ts';
import type { Place } from './table-placements.ts';

const statements: Readonly<Record<Exclude<Place, 'local'>, string>> = {
  'by organization': `SELECT create_distributed_table($1::regclass, 'org_id', colocate_with => 'org')`,
  'by secret': `SELECT create_distributed_table($1::regclass, 'sha256', colocate_with => 'none')`,
  'on every node': 'SELECT create_reference_table($1::regclass)',
};

/** The first one: there is nothing yet that it could be beside. */
const distributeRoot = `SELECT create_distributed_table($1::regclass, 'org_id', colocate_with => 'none')`;

/**
 * Distributes the tables of a database with Citus, those that are not distributed yet; returns their names. Each is a
 * transaction of its own: after a failure it goes on where it stopped. Writes to a table wait while it is moved.
 */
export async function distribute(client: Pick<ClientBase, 'query'>): Promise<readonly string[]> {
  const distribution = await readDistribution(client);
  if (distribution === undefined) {
    throw new Error('the database has no extension citus; expected CREATE EXTENSION citus first');
  }
  if (!distribution.isCoordinator) throw new NotTheCoordinator();
  const already = await distributedTables(client);
  const moved: string[] = [];
  for (const { table, place } of await knownPlacements(client)) {
    if (place === 'local' || already.has(table)) continue;
    await client.query(table === 'org' ? distributeRoot : statements[place], [table]);
    moved.push(table);
  }
  return moved;
}

/** The placements of all tables; fails where one is not known, before anything is moved. */
async function knownPlacements(
  client: Pick<ClientBase, 'query'>,
): Promise<readonly { readonly table: string; readonly place: Place }[]> {
  return (await tablePlacements(client)).map(({ table, place }) => {
    if (place === undefined) throw new Error(`it is not known where to keep the table ${table}`);
    return { table, place };
  });
}
