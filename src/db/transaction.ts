import { setTimeout as delay } from 'node:timers/promises';
import type { Pool, PoolClient } from 'pg';
import { ServiceError } from '../platform/service-error.ts';
import { faultOf, storeFailure } from './errors.ts';

const maxAttempts = 4;

/** How a transaction ends when its work is done. */
export interface TransactionOptions {
  /** Rolls back at the end, so that nothing is written. */
  readonly discard?: boolean;
}

/**
 * Runs `work` in one READ COMMITTED transaction; retries what the table of `errors.ts` calls retryable,
 * with `work` run again from its start. A ServiceError rolls back and passes through; every other failure
 * is UNAVAILABLE `STORE_UNAVAILABLE`.
 *
 * Not promised: that nothing was written when the connection is lost while committing. That case is never
 * retried here, because only the caller's request id can tell.
 */
export async function inTransaction<T>(
  pool: Pool,
  work: (client: PoolClient) => Promise<T>,
  options: TransactionOptions = {},
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const tried = await attemptOnce(pool, work, options);
    if (tried.ok) return tried.value;
    if (tried.cause instanceof ServiceError) throw tried.cause;
    const fault = faultOf(tried.cause);
    if (!fault.retryable || tried.uncertain || attempt === maxAttempts) {
      throw storeFailure(tried.cause);
    }
    await delay(fault.delayMs * attempt);
  }
}

type Attempt<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly cause: unknown; readonly uncertain: boolean };

async function attemptOnce<T>(
  pool: Pool,
  work: (client: PoolClient) => Promise<T>,
  options: TransactionOptions,
): Promise<Attempt<T>> {
  let client: PoolClient;
  try {
    client = await pool.connect();
  } catch (cause) {
    return { ok: false, cause, uncertain: false };
  }
  let committing = false;
  try {
    await client.query('BEGIN');
    const value = await work(client);
    committing = options.discard !== true;
    await client.query(committing ? 'COMMIT' : 'ROLLBACK');
    client.release();
    return { ok: true, value };
  } catch (cause) {
    await giveBack(client);
    return { ok: false, cause, uncertain: committing && isUncertain(cause) };
  }
}

/** Whether a failed COMMIT may have happened: only an answer from the server says that it did not. */
function isUncertain(cause: unknown): boolean {
  const answered = cause instanceof Error && 'code' in cause && typeof cause.code === 'string';
  return !answered || !/^(40|23)/.test(String(cause.code));
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
