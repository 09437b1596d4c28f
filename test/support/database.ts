import { randomBytes } from 'node:crypto';
import type { Pool } from 'pg';
import { inject } from 'vitest';
import { createPool } from '../../src/db/pool.ts';
import { executeOn, withDatabase } from './postgres-server.ts';

/** A migrated, empty database of one test file. */
export interface TestDatabase {
  readonly url: string;
  readonly pool: Pool;
  /** Ends the pool and drops the database, other connections to it included. */
  drop(): Promise<void>;
}

/** Clones the migrated template; call `drop` when done. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const serverUrl = inject('postgresUrl');
  const name = `tollgate_test_${randomBytes(6).toString('hex')}`;
  const template = inject('templateDatabase');
  await executeOn(serverUrl, `CREATE DATABASE ${name} TEMPLATE ${template}`);
  const url = withDatabase(serverUrl, name);
  const pool = createPool({
    url,
    applicationName: 'tollgate test',
    maxConnections: 8,
    statementTimeoutMs: 20_000,
    poolWaitMs: 20_000,
  });
  return {
    url,
    pool,
    drop: async () => {
      await pool.end();
      await executeOn(serverUrl, `DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}
