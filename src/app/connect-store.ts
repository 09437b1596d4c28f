import type { Client, Pool } from 'pg';
import { maxAccessQueries } from '../auth/pg-access.ts';
import type { Settings } from '../config.ts';
import { connectLane } from '../db/lane-client.ts';
import type { LaneClientOptions } from '../db/lane-client.ts';
import { createPool } from '../db/pool.ts';
import type { SessionLimits } from '../db/session-limits.ts';
import { createStoreSockets } from '../db/store-sockets.ts';
import type { StoreSockets } from '../db/store-sockets.ts';
import { startStoreWatch } from '../db/store-watch.ts';
import type { StoreWatch } from '../db/store-watch.ts';
import { inTime } from '../platform/in-time.ts';
import type { Log } from '../platform/log.ts';
import type { UndoList } from '../platform/undo.ts';

/** The connections of this process to its database, by who uses them: none can use up those of another. */
export interface StoreConnections {
  readonly url: string;
  readonly sockets: StoreSockets;
  readonly watch: StoreWatch;
  /** What calls look up: policies, credentials, calls of other replicas. */
  readonly lookUps: Pool;
  readonly access: Pool;
  readonly explain: Pool;
  readonly admin: Pool;
  readonly jobs: Pool;
  /** Opens a connection of a lane. */
  readonly connectLane: (prepare: (client: Client) => Promise<void>) => Promise<Client>;
}

const jobConnections = 4;
const probeIntervalMs = 250;
/** A start fails when the store has not answered after so many times its time limit. */
const startTimeoutFactor = 10;

const refused = {
  commit: 'the store cannot be probed by a write; commits that hang are noticed by calls alone',
  endStuckSessions: 'stuck sessions of other replicas cannot be ended',
} as const;

/** Connects to the database. Fails if it does not answer in time. */
export async function connectStore(
  settings: Settings,
  url: string,
  { log, onAway }: { readonly log: Log; readonly onAway: (isAway: boolean) => void },
  undo: UndoList,
): Promise<StoreConnections> {
  const sockets = createStoreSockets();
  undo.add(() => sockets.destroyAll(new Error('this process is stopping')));
  const limits = limitsOf(settings);
  const watch = startStoreWatch({
    connectionString: url,
    sockets,
    silenceMs: settings.storeTimeoutMs,
    intervalMs: probeIntervalMs,
    idleInTransactionMs: limits.idleInTransactionMs,
    onChange: (isAway, err) => {
      onAway(isAway);
      if (isAway) log.error({ err }, 'the store does not answer');
      else log.info('the store answers');
    },
    onRefused: (what, err) => log.warn({ err }, refused[what]),
  });
  undo.add(() => watch.stop());
  const startTimeoutMs = settings.storeTimeoutMs * startTimeoutFactor;
  const late = () => new Error(`the store did not answer within ${startTimeoutMs} ms`);
  await inTime(watch.answered, startTimeoutMs, late);
  const stopping = new AbortController();
  const parts = { url, sockets, limits, watch, log, stopping: stopping.signal };
  const open = (use: string, maxConnections: number): Pool =>
    openPool(settings, parts, use, maxConnections, undo);
  const pools = {
    lookUps: open('look-ups', settings.poolSize),
    access: open('access', maxAccessQueries),
    explain: open('explain', settings.explainPoolSize),
    admin: open('admin', settings.adminPoolSize),
    jobs: open('jobs', jobConnections),
  };
  // A pool ends its connections politely, which a store that does not answer would never let it.
  undo.add(() => {
    stopping.abort();
    if (watch.isAway) sockets.destroyAll(new Error('this process is stopping'));
  });
  return {
    url,
    sockets,
    watch,
    ...pools,
    async connectLane(prepare) {
      if (watch.isAway) {
        throw Object.assign(new Error('the store is away'), { code: 'ECONNREFUSED' });
      }
      return connectLane(laneOptions(settings, { url, sockets, limits }), prepare);
    },
  };
}

function laneOptions(
  { statementTimeoutMs, storeTimeoutMs }: Settings,
  { url, sockets, limits }: Pick<PoolParts, 'url' | 'sockets' | 'limits'>,
): LaneClientOptions {
  return {
    connectionString: url,
    sockets,
    // A client that stops between the messages of a flight is not idle to the server.
    limits: { ...limits, transactionMs: 2 * storeTimeoutMs },
    // Shorter than the silence after which the connection is cut: then the server says what is wrong.
    statementTimeoutMs: Math.min(statementTimeoutMs, Math.floor(storeTimeoutMs * 0.9)),
    connectTimeoutMs: storeTimeoutMs,
  };
}

/** Sessions end before others have waited for two seconds, with the usual time limit for the store. */
function limitsOf({ storeTimeoutMs }: Settings): SessionLimits {
  return {
    idleInTransactionMs: Math.ceil(storeTimeoutMs / 2),
    unacknowledgedMs: storeTimeoutMs,
  };
}

interface PoolParts {
  readonly url: string;
  readonly sockets: StoreSockets;
  readonly limits: SessionLimits;
  readonly watch: StoreWatch;
  readonly log: Log;
  /** Aborted when connections are lost on purpose. */
  readonly stopping: AbortSignal;
}

function openPool(
  settings: Settings,
  { url, sockets, limits, watch, log, stopping }: PoolParts,
  use: string,
  maxConnections: number,
  undo: UndoList,
): Pool {
  const pool = createPool({
    url,
    applicationName: `tollgate ${use}`,
    maxConnections,
    statementTimeoutMs: settings.statementTimeoutMs,
    poolWaitMs: settings.poolWaitMs,
    sockets,
    limits,
    isAway: () => watch.isAway,
    onIdleError: (err) => {
      if (!stopping.aborted) log.warn({ err, pool: use }, 'database connection lost');
    },
  });
  undo.add(() => pool.end());
  return pool;
}
