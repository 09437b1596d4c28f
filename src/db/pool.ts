import { Pool } from 'pg';
import type { ClientBase, PoolClient } from 'pg';
import type { SessionLimits } from './session-limits.ts';
import { setSessionLimits } from './session-limits.ts';
import type { StoreSockets } from './store-sockets.ts';

/** What a pool needs to know; times in milliseconds. */
export interface PoolSettings {
  /** `postgres://user:password@host:port/database`. */
  readonly url: string;
  /** As it stands in pg_stat_activity. */
  readonly applicationName: string;
  readonly maxConnections: number;
  /** A statement that runs longer is cancelled by the server; 0: none. */
  readonly statementTimeoutMs: number;
  /** How long a query may wait for a connection. */
  readonly poolWaitMs: number;
  /** Sends queries without waiting for the answers before them (`pipeline` of `pg`). */
  readonly pipeline?: boolean;
  /** Called when an idle connection breaks; the pool replaces it by itself. */
  readonly onIdleError?: (error: Error) => void;
  readonly sockets?: Pick<StoreSockets, 'open'>;
  readonly limits?: SessionLimits;
  /** Whether the store is known to be away: then nothing waits for a connection. */
  readonly isAway?: () => boolean;
}

/** How much longer than the server this process waits for the end of a statement. */
const graceMs = 1000;

/**
 * A connection pool. int8 and numeric columns arrive as text, exactly; never as a JavaScript number.
 * Fails with `POOL_BUSY` where no connection was free in time, and with `ECONNREFUSED` where the store is away.
 */
export function createPool(settings: PoolSettings): Pool {
  const { statementTimeoutMs, limits, sockets } = settings;
  const hooks = {
    onConnect: (client: ClientBase) => limits && client.query(setSessionLimits(limits)),
  };
  const pool = new Pool({
    ...hooks,
    connectionString: settings.url,
    application_name: settings.applicationName,
    max: settings.maxConnections,
    connectionTimeoutMillis: settings.poolWaitMs,
    statement_timeout: statementTimeoutMs,
    // The server may never answer.
    ...(statementTimeoutMs > 0 && { query_timeout: statementTimeoutMs + graceMs }),
    keepAlive: true,
    ...(sockets && { stream: () => sockets.open() }),
    ...(settings.pipeline === undefined ? {} : { pipeline: settings.pipeline }),
  });
  // Without a listener an idle connection that breaks would end the process.
  // `pg` hangs the whole client on the error, its secrets included: that must reach no log.
  pool.on('error', (error) => {
    Reflect.deleteProperty(error, 'client');
    settings.onIdleError?.(error);
  });
  // So would one that breaks in use, where its user does not listen; the query under way fails all the same.
  pool.on('connect', (client) => client.on('error', () => undefined));
  guardConnect(pool, settings.isAway ?? (() => false));
  return pool;
}

type Connected = (error: Error | undefined, client: PoolClient | undefined, done: Done) => void;
type Done = (release?: boolean | Error) => void;

/** Refuses at once while the store is away, and distinguishes a busy pool from a store that does not answer. */
function guardConnect(pool: Pool, isAway: () => boolean): void {
  const connect = pool.connect.bind(pool);
  function guarded(): Promise<PoolClient>;
  function guarded(callback: Connected): void;
  function guarded(callback?: Connected): Promise<PoolClient> | void {
    const away = isAway() ? coded('the store is away', 'ECONNREFUSED') : undefined;
    if (callback === undefined) {
      return away === undefined ? connect().catch(rethrow) : Promise.reject(away);
    }
    if (away !== undefined) return process.nextTick(callback, away, undefined, () => undefined);
    return connect((error, client, done) => callback(error && busyOr(error), client, done));
  }
  pool.connect = guarded;

  function rethrow(cause: unknown): never {
    throw cause instanceof Error ? busyOr(cause) : cause;
  }

  function busyOr(cause: Error): Error {
    const isWait = cause.message === 'timeout exceeded when trying to connect';
    // Nothing was free, or a new connection did not open in time.
    if (!isWait) return cause;
    const isBusy = pool.totalCount >= pool.options.max && !isAway();
    return coded('no connection was free in time', isBusy ? 'POOL_BUSY' : 'ETIMEDOUT', cause);
  }
}

function coded(message: string, code: string, cause?: Error): Error {
  return Object.assign(new Error(message, { cause }), { code });
}
