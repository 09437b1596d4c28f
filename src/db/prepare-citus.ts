import { distribute } from './distribute.ts';
import { migrate } from './migrate.ts';
import { destroyClient, openClient } from './open-client.ts';
import { createStoreSockets } from './store-sockets.ts';

const connectTimeoutMs = 10_000;
const statementTimeoutMs = 60_000;

/**
 * Makes a database with Citus of an empty one: the extension, the schema and the distributed tables. Its cluster is the
 * coordinator alone, until nodes are added. Fails where the server does not have the extension.
 */
export async function prepareCitus(url: string): Promise<void> {
  const client = await openClient({
    connectionString: url,
    applicationName: 'tollgate scratch',
    sockets: createStoreSockets(),
    connectTimeoutMs,
    statementTimeoutMs,
  });
  try {
    await client.query('CREATE EXTENSION IF NOT EXISTS citus');
    await migrate(url);
    await distribute(client);
  } finally {
    destroyClient(client);
  }
}
