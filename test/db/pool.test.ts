import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPool } from '../../src/db/pool.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

function poolOf(more: Partial<Parameters<typeof createPool>[0]> = {}) {
  return createPool({
    url: database.url,
    applicationName: 'tollgate pool test',
    maxConnections: 1,
    statementTimeoutMs: 10_000,
    poolWaitMs: 10_000,
    ...more,
  });
}

test('large integers arrive exactly', async () => {
  const pool = poolOf();
  const { rows } = await pool.query(
    'SELECT 9223372036854775807::bigint AS n, 1180591620717411303424::numeric AS m',
  );
  expect(rows).toEqual([{ n: '9223372036854775807', m: '1180591620717411303424' }]);
  await pool.end();
});

// Red without the hook: a replica paused in a transaction held its locks for as long as the pause lasted.
test('every connection has its limits before its first statement', async () => {
  const limits = { idleInTransactionMs: 750, unacknowledgedMs: 1500 };
  const pool = poolOf({ limits });
  const { rows } = await pool.query('SHOW idle_in_transaction_session_timeout');
  expect(rows).toEqual([{ idle_in_transaction_session_timeout: '750ms' }]);
  await pool.end();
});

test('a statement that runs too long is cancelled', async () => {
  const pool = poolOf({ statementTimeoutMs: 20 });
  await expect(pool.query('SELECT pg_sleep(30)')).rejects.toMatchObject({ code: '57014' });
  await pool.end();
});

test('waiting for a connection has an end', async () => {
  const pool = poolOf({ poolWaitMs: 1_000 });
  const holder = await pool.connect();
  await expect(pool.query('SELECT 1')).rejects.toMatchObject({ code: 'POOL_BUSY' });
  holder.release();
  await pool.end();
});

test('a connection that breaks while idle is reported, and replaced', async () => {
  const told: Error[] = [];
  const pool = poolOf({ onIdleError: (error) => told.push(error) });
  const { rows } = await pool.query<{ pid: number; name: string }>(
    "SELECT pg_backend_pid() AS pid, current_setting('application_name') AS name",
  );
  expect(rows[0]?.name).toBe('tollgate pool test');
  await database.pool.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
  await expect.poll(() => told.length).toBe(1);
  expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  await pool.end();
});
