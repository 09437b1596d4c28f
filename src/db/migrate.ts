import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import { Client } from 'pg';
import { storeFailure } from './errors.ts';

const connectTimeoutMs = 10_000;

/** Whoever holds this lock migrates; the others wait, then find nothing left to do. */
const migrationLock = 7_045_184_311_009;

/**
 * Brings the schema of a database up to date; returns the names of the migrations that were run.
 * Several processes may do this at once. A migration that fails leaves the schema as it was.
 */
export async function migrate(url: string): Promise<readonly string[]> {
  const client = new Client({
    connectionString: url,
    application_name: 'tollgate migrate',
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    // Waiting for another process's migration, and a large table's own, may be long.
    statement_timeout: 0,
  });
  client.on('error', () => {
    // The query under way fails with the same error; unheard, it would end the process.
  });
  try {
    await client.connect();
  } catch (cause) {
    throw storeFailure(cause);
  }
  try {
    const run = await runner({
      dbClient: client,
      dir: fileURLToPath(new URL('./migrations', import.meta.url)),
      direction: 'up',
      migrationsTable: 'tollgate_migration',
      singleTransaction: true,
      lockValue: migrationLock,
      advisoryLockMode: 'wait',
      logger: silent,
    });
    return run.map((migration) => migration.name);
  } finally {
    await client.end();
  }
}

const silent = { info: ignore, warn: ignore, error: ignore };

function ignore(): void {
  // The library narrates; what matters is thrown or returned.
}
