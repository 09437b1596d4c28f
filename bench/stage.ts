import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pool } from 'pg';
import { startEmbeddedPostgres } from '../src/db/embedded.ts';
import { migrate } from '../src/db/migrate.ts';
import { createPool } from '../src/db/pool.ts';
import { startServing } from './processes.ts';
import type { Serving } from './processes.ts';
import { setScene } from './scene.ts';

/** An empty PostgreSQL in a folder of its own, with the scene of the benchmarks. */
export interface Stage {
  readonly pool: Pool;
  /** Starts Tollgate on it. */
  serve(): Promise<Serving>;
  /** Ends PostgreSQL and removes its folder; what serves is stopped before. */
  close(): Promise<void>;
}

/** Sets the stage with these organizations. */
export async function setStage(orgIds: readonly string[]): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-bench-'));
  const postgres = await startEmbeddedPostgres({ folder });
  await migrate(postgres.url);
  const pool = createPool({
    url: postgres.url,
    applicationName: 'tollgate-bench',
    maxConnections: 4,
    statementTimeoutMs: 3_600_000,
    poolWaitMs: 10_000,
  });
  await setScene(pool, orgIds);
  return {
    pool,
    serve: () =>
      startServing(
        '../bin/tollgate.js',
        ['serve'],
        {
          DATABASE_URL: postgres.url,
          TOLLGATE_DATA_LISTEN: '127.0.0.1:0',
          TOLLGATE_ADMIN_LISTEN: '127.0.0.1:0',
          TOLLGATE_EXAMPLE: 'false',
          TOLLGATE_LOG_LEVEL: 'warn',
          TOLLGATE_DRAIN_WAIT: '0s',
        },
        (line) => /gateways on 127\.0\.0\.1:(\d+)/.exec(line)?.[1],
      ),
    async close() {
      await pool.end();
      await postgres.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
