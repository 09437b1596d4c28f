import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../../src/db/embedded.ts';
import { migrate } from '../../src/db/migrate.ts';
import { createPool } from '../../src/db/pool.ts';
import type { TestDatabase } from './database.ts';

/** A migrated database on a server of its own, for tests that change the server's settings or hurt it. */
export async function startOwnPostgres(): Promise<TestDatabase> {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-own-'));
  const server = await startEmbeddedPostgres({ folder, serverSettings: { fsync: 'off' } });
  await migrate(server.url);
  const pool = createPool({
    url: server.url,
    applicationName: 'tollgate test',
    maxConnections: 4,
    statementTimeoutMs: 20_000,
    poolWaitMs: 20_000,
  });
  return {
    url: server.url,
    pool,
    drop: async () => {
      await pool.end();
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
