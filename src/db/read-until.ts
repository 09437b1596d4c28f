import type { Pool, PoolClient } from 'pg';
import { ServiceError } from '../platform/service-error.ts';

/** Until when somebody waits for what is read. */
export interface ReadLimits {
  /** An instant on the monotonic clock, milliseconds; undefined: the limit of every statement holds alone. */
  readonly deadlineMs: number | undefined;
  /** Aborted when the caller has gone. */
  readonly cancelled: AbortSignal | undefined;
}

/** Reads in one read-only transaction, which sees one instant. `over` is aborted when the caller is gone. */
export type ReadUntil = <T>(
  limits: ReadLimits,
  work: (client: Pick<PoolClient, 'query'>, over: AbortSignal) => Promise<T>,
) => Promise<T>;

/**
 * Creates a reader whose statements end with their caller. When the deadline passes or the caller goes, the
 * statement under way is cancelled from another connection. Where that fails (no connection is free, or this
 * process is gone itself), the server ends it: it may take no longer than was left when the transaction began.
 *
 * The connection goes back to the pool only when the cancellation is answered, so that it never hits the
 * connection's next user. Behind a pooler it works wherever a transaction keeps its server connection.
 */
export function createReadUntil(pool: Pool, monotonicMs: () => number): ReadUntil {
  return async (limits, work) => {
    const watch = watchLimits(limits, monotonicMs);
    try {
      watch.over.throwIfAborted();
      const client = await pool.connect();
      return await inReadOnly(
        client,
        () => watch.leftMs(),
        (pid) => cancelledWhenOver(pool, pid, watch.over, () => work(client, watch.over)),
      );
    } catch (cause) {
      watch.over.throwIfAborted();
      throw cause;
    } finally {
      watch.stop();
    }
  };
}

/** Turns the limits into one signal; its reason is what the caller is answered. */
function watchLimits({ deadlineMs, cancelled }: ReadLimits, monotonicMs: () => number) {
  const over = new AbortController();
  const leftMs = (): number | undefined =>
    deadlineMs === undefined ? undefined : Math.ceil(deadlineMs - monotonicMs());
  const onDeadline = (): void => over.abort(deadlineExceeded());
  const onCancelled = (): void => over.abort(gone());
  if (cancelled?.aborted === true) onCancelled();
  cancelled?.addEventListener('abort', onCancelled);
  const left = leftMs();
  if (left !== undefined && left <= 0) onDeadline();
  const timer = left === undefined ? undefined : setTimeout(onDeadline, Math.max(0, left));
  return {
    over: over.signal,
    leftMs,
    stop(): void {
      clearTimeout(timer);
      cancelled?.removeEventListener('abort', onCancelled);
    },
  };
}

/** Runs work in a transaction of the connection, and gives the connection back. */
async function inReadOnly<T>(
  client: PoolClient,
  leftMs: () => number | undefined,
  work: (pid: number) => Promise<T>,
): Promise<T> {
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const { rows } = await client.query<{ pid: number }>(
      `SELECT pg_backend_pid() AS pid, CASE WHEN $1::text IS NOT NULL
THEN set_config('statement_timeout', $1, true) END`,
      [atLeastOne(leftMs())],
    );
    return await work(rows[0]?.pid ?? 0);
  } finally {
    await giveBack(client);
  }
}

/** For PostgreSQL 0 would be no limit. */
function atLeastOne(limitMs: number | undefined): number | undefined {
  return limitMs === undefined ? undefined : Math.max(1, limitMs);
}

/** Runs work; ends the statement of its backend when it is over, and waits until that is answered. */
async function cancelledWhenOver<T>(
  pool: Pool,
  pid: number,
  over: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  let cancelling: Promise<unknown> = Promise.resolve();
  const cancel = (): void => {
    cancelling = pool.query('SELECT pg_cancel_backend($1)', [pid]).catch(() => undefined);
  };
  over.addEventListener('abort', cancel);
  try {
    over.throwIfAborted();
    return await work();
  } finally {
    over.removeEventListener('abort', cancel);
    await cancelling;
  }
}

async function giveBack(client: PoolClient): Promise<void> {
  try {
    await client.query('ROLLBACK');
    client.release();
  } catch {
    // The connection is broken, and with it the transaction; the pool opens another one.
    client.release(true);
  }
}

function deadlineExceeded(): ServiceError {
  return new ServiceError('DEADLINE_EXCEEDED', 'not answered in time');
}

function gone(): ServiceError {
  return new ServiceError('CANCELLED', 'the caller has gone');
}
