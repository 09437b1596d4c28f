import { Pool } from 'pg';

/** What a pool needs to know; times in milliseconds. */
export interface PoolSettings {
  /** `postgres://user:password@host:port/database`. */
  readonly url: string;
  /** As it stands in pg_stat_activity. */
  readonly applicationName: string;
  readonly maxConnections: number;
  /** A statement that runs longer is cancelled by the server. */
  readonly statementTimeoutMs: number;
  /** How long a query may wait for a connection. */
  readonly poolWaitMs: number;
  /** Sends queries without waiting for the answers before them (`pipeline` of `pg`). */
  readonly pipeline?: boolean;
  /** Told of connections that broke while idle; the pool replaces them by itself. */
  readonly onIdleError?: (error: Error) => void;
}

/**
 * A connection pool. int8 and numeric columns arrive as text, exactly; never as a JavaScript number.
 */
export function createPool(settings: PoolSettings): Pool {
  const pool = new Pool({
    connectionString: settings.url,
    application_name: settings.applicationName,
    max: settings.maxConnections,
    connectionTimeoutMillis: settings.poolWaitMs,
    statement_timeout: settings.statementTimeoutMs,
    keepAlive: true,
    ...(settings.pipeline === undefined ? {} : { pipeline: settings.pipeline }),
  });
  // Without a listener an idle connection that breaks would end the process.
  pool.on('error', (error) => settings.onIdleError?.(error));
  return pool;
}
