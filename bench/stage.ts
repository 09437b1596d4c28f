import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pool } from 'pg';
import { startEmbeddedPostgres } from '../src/db/embedded.ts';
import { migrate } from '../src/db/migrate.ts';
import { createPool } from '../src/db/pool.ts';
import { parentOf } from './cpu-time.ts';
import { startServing } from './processes.ts';
import type { Serving } from './processes.ts';
import { setScene } from './scene.ts';

/** A PostgreSQL in a folder of its own, with the scene of the benchmarks as a template. */
export interface Stage {
  /** A new database, as the template is, and Tollgate on it. */
  open(): Promise<OpenScene>;
  /** Ends PostgreSQL and removes its folder. */
  close(): Promise<void>;
}

/** A database with the scene, in which nothing was called yet. */
export interface OpenScene {
  readonly database: { readonly pool: Pool; readonly pid: number };
  /** Starts Tollgate on it, with these settings beside the usual ones. */
  serve(environment?: Readonly<Record<string, string>>): Promise<Serving>;
  /** Drops it; what serves is stopped before. */
  close(): Promise<void>;
}

/** How a stage differs from the usual one. */
export interface StageOptions {
  /** Adds to the template. */
  readonly prepare?: (pool: Pool) => Promise<void>;
  /** Options of the Node that serves. */
  readonly nodeArgs?: readonly string[];
}

/** Sets the stage with these organizations. */
export async function setStage(
  orgIds: readonly string[],
  { prepare, nodeArgs = [] }: StageOptions = {},
): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-bench-'));
  const postgres = await startEmbeddedPostgres({ folder });
  await migrate(postgres.url);
  const template = createBenchPool(postgres.url);
  await setScene(template, orgIds);
  await prepare?.(template);
  await template.end();
  const server = new URL(postgres.url);
  const templateName = server.pathname.slice(1);
  server.pathname = '/template1';
  const admin = createBenchPool(server.href);
  const pid = await postmasterPid(admin);
  return {
    async open() {
      const name = `scene_${randomBytes(6).toString('hex')}`;
      await admin.query(`CREATE DATABASE ${name} TEMPLATE ${templateName} STRATEGY file_copy`);
      const url = new URL(postgres.url);
      url.pathname = `/${name}`;
      const pool = createBenchPool(url.href);
      return {
        database: { pool, pid },
        serve: (more) => serveOn(url.href, nodeArgs, more),
        async close() {
          await pool.end();
          await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
        },
      };
    },
    async close() {
      await admin.end();
      await postgres.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function createBenchPool(url: string): Pool {
  return createPool({
    url,
    applicationName: 'tollgate-bench',
    maxConnections: 4,
    statementTimeoutMs: 3_600_000,
    poolWaitMs: 10_000,
  });
}

async function postmasterPid(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  return parentOf(rows[0]?.pid ?? 0);
}

function serveOn(
  url: string,
  nodeArgs: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<Serving> {
  const environment = {
    DATABASE_URL: url,
    TOLLGATE_DATA_LISTEN: '127.0.0.1:0',
    TOLLGATE_ADMIN_LISTEN: '127.0.0.1:0',
    TOLLGATE_EXAMPLE: 'false',
    TOLLGATE_LOG_LEVEL: 'warn',
    TOLLGATE_DRAIN_WAIT: '0s',
    ...more,
  };
  return startServing(
    { file: '../bin/tollgate.js', args: ['serve'], environment, nodeArgs },
    (line) => /gateways on 127\.0\.0\.1:(\d+)/.exec(line)?.[1],
  );
}
