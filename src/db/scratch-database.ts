import { randomBytes } from 'node:crypto';
import { inTime } from '../platform/in-time.ts';
import { destroyClient, openClient } from './open-client.ts';
import { prepareCitus } from './prepare-citus.ts';
import { createStoreSockets } from './store-sockets.ts';

/** Copying the template may take a while on a slow disk. */
const statementTimeoutMs = 60_000;

/** An empty database beside others on somebody's server. */
export interface ScratchDatabase {
  readonly url: string;
  /** Drops it, even if sessions are still connected. */
  drop(): Promise<void>;
}

/**
 * Creates an empty database on the server of `url`, whose own database is not touched; needs CREATEDB. With `citus` it
 * has the extension and distributed tables. Fails whole or not at all.
 */
export async function createScratchDatabase(url: string, citus = false): Promise<ScratchDatabase> {
  const name = `tollgate_scratch_${randomBytes(8).toString('hex')}`;
  await execute(url, `CREATE DATABASE ${name}`);
  const scratch = new URL(url);
  scratch.pathname = `/${name}`;
  const drop = (): Promise<void> => execute(url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  if (citus) {
    await prepareCitus(scratch.href).catch(async (cause: unknown) => {
      await drop();
      throw cause;
    });
  }
  return { url: scratch.href, drop };
}

async function execute(url: string, statement: string): Promise<void> {
  const client = await openClient({
    connectionString: url,
    applicationName: 'tollgate scratch',
    sockets: createStoreSockets(),
    connectTimeoutMs: 10_000,
    statementTimeoutMs,
  });
  try {
    const silent = () => new Error(`the database did not answer within ${statementTimeoutMs} ms`);
    await inTime(client.query(statement), statementTimeoutMs, silent);
  } finally {
    destroyClient(client);
  }
}
