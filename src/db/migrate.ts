import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import type { Client } from 'pg';
import { deadlineAfter } from '../platform/deadline.ts';
import { faultOf, storeFailure } from './errors.ts';
import { NotTheCoordinator, readDistribution } from './distribution.ts';
import { loadSqlMigrations } from './migration-files.ts';
import { destroyClient, openClient } from './open-client.ts';
import { setSessionLimits } from './session-limits.ts';
import { watchSockets } from './watched-sockets.ts';

/** How long a migration may wait, and for whom; times in milliseconds. */
export interface MigrateOptions {
  /** How long the server may be silent: another connection probes it meanwhile. */
  readonly silenceMs?: number;
  /** For the lock of another process that migrates, and for each lock of a table. A migration's own work has no limit. */
  readonly timeoutMs?: number;
  /** Called once when another process is migrating. */
  readonly onWait?: () => void;
}

const connectTimeoutMs = 10_000;
const defaultSilenceMs = 5000;
const defaultTimeoutMs = 600_000;
const lockIntervalMs = 100;

/** The server ends the session of a process that stops here, so that others do not wait for it. */
const limits = { idleInTransactionMs: 5000, unacknowledgedMs: 10_000 };
const idleLimit = `SET idle_session_timeout = ${limits.idleInTransactionMs}`;

/** The process that holds this lock migrates; the others wait, and then find nothing to do. */
const migrationLock = 7_045_184_311_009;

/**
 * Brings the schema of a database up to date; returns the names of the migrations that were run.
 * Several processes may do this at once. A migration that fails leaves the schema as it was, unless it is one outside a
 * transaction, which is run again. Fails with STORE_UNAVAILABLE if the server cannot be reached or falls silent, and
 * where a lock is not free within ten minutes, unless another time is given. The work itself may take as long as it
 * takes: a large table's index is not built in ten minutes.
 */
export async function migrate(
  url: string,
  options: MigrateOptions = {},
): Promise<readonly string[]> {
  const { silenceMs = defaultSilenceMs, timeoutMs = defaultTimeoutMs } = options;
  const watched = watchSockets(url, silenceMs);
  let client: Client | undefined;
  try {
    client = await openClient({
      connectionString: url,
      applicationName: 'tollgate migrate',
      sockets: watched.sockets,
      connectTimeoutMs,
      // A large table's own migration may be long.
      statementTimeoutMs: 0,
      prepare: async (opened) => {
        await opened.query(setSessionLimits(limits));
        await opened.query(idleLimit);
        await opened.query("SELECT set_config('lock_timeout', $1, false)", [`${timeoutMs}ms`]);
        await endWithClient(opened);
      },
    });
    watched.begin();
    return await migrateAlone(client, timeoutMs, options.onWait);
  } catch (cause) {
    throw faultOf(cause).blame === 'ours' ? cause : storeFailure(cause);
  } finally {
    watched.stop();
    // The session ends, and the lock with it.
    if (client !== undefined) destroyClient(client);
  }
}

/** Has the server end a statement whose client is gone: it would otherwise go on, with the lock, and be repeated. */
async function endWithClient(client: Client): Promise<void> {
  try {
    await client.query('SET client_connection_check_interval = 1000');
  } catch {
    // Some platforms cannot ask; then the statement ends when it is done, as it would without this.
  }
}

async function migrateAlone(
  client: Client,
  timeoutMs: number,
  onWait: (() => void) | undefined,
): Promise<readonly string[]> {
  if ((await readDistribution(client))?.isCoordinator === false) throw new NotTheCoordinator();
  await takeLock(client, timeoutMs, onWait);
  return runMigrations(client);
}

/** Polls, because a waiting statement cannot be distinguished from a silent server. */
async function takeLock(
  client: Client,
  timeoutMs: number,
  onWait: (() => void) | undefined,
): Promise<void> {
  const deadlineMs = deadlineAfter(timeoutMs);
  for (let attempt = 1; ; attempt += 1) {
    const { rows } = await client.query<{ isTaken: boolean }>(
      'SELECT pg_try_advisory_lock($1) AS "isTaken"',
      [migrationLock],
    );
    if (rows[0]?.isTaken === true) return;
    if (performance.now() > deadlineMs) {
      throw new Error(`another process's migration did not end within ${timeoutMs} ms`);
    }
    if (attempt === 1) onWait?.();
    await delay(lockIntervalMs);
  }
}

async function runMigrations(client: Client): Promise<readonly string[]> {
  const run = await runner({
    dbClient: client,
    dir: fileURLToPath(new URL('./migrations', import.meta.url)),
    direction: 'up',
    migrationsTable: 'tollgate_migration',
    migrationLoaderStrategies: [{ extensions: ['.sql'], loader: loadSqlMigrations }],
    singleTransaction: true,
    noLock: true,
    logger: silent,
  });
  return run.map((migration) => migration.name);
}

const silent = { info: ignore, warn: ignore, error: ignore };

function ignore(): void {
  // The library narrates; what matters is thrown or returned.
}
