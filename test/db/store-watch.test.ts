import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Client } from 'pg';
import { connectLane } from '../../src/db/lane-client.ts';
import { openClient, streamOf } from '../../src/db/open-client.ts';
import { createPool } from '../../src/db/pool.ts';
import { createStoreSockets } from '../../src/db/store-sockets.ts';
import { startStoreWatch } from '../../src/db/store-watch.ts';
import type { StoreWatch } from '../../src/db/store-watch.ts';
import { createLaneConnection } from '../../src/ledger/lane/connection.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';
import { executeOn, withDatabase } from '../support/postgres-server.ts';
import { serverOf, startTcpProxy, throughProxy } from '../support/tcp-proxy.ts';
import type { TcpProxy } from '../support/tcp-proxy.ts';

let database: TestDatabase;
let proxy: TcpProxy;
let watch: StoreWatch | undefined;
const told: boolean[] = [];
const complaints: unknown[] = [];
const sockets = createStoreSockets();

beforeEach(async () => {
  database = await createTestDatabase();
  proxy = await startTcpProxy(serverOf(database.url));
  told.length = 0;
  complaints.length = 0;
});

afterEach(async () => {
  watch?.stop();
  await proxy.close();
  await database.drop();
});

async function start(url: string): Promise<void> {
  watch = startStoreWatch({
    connectionString: url,
    sockets,
    silenceMs: 400,
    intervalMs: 20,
    idleInTransactionMs: 200,
    onChange: (isAway) => told.push(isAway),
    onRefused: (what, cause) => complaints.push([what, codeOf(cause)]),
  });
  await watch.answered;
}

function openOther() {
  const config = { url: database.url, applicationName: 'other', maxConnections: 1 };
  return createPool({ ...config, statementTimeoutMs: 5000, poolWaitMs: 5000, sockets });
}

/* Red when a silent watch was a silent store: all good connections were cut, and budgets opened. */
test('a watch whose own connection is lost tries another one before it concludes anything', async () => {
  await start(throughProxy(database.url, proxy));
  const other = openOther();
  const holder = await other.connect();
  proxy.blackHole();
  const before = proxy.count;
  proxy.restore();
  await expect.poll(() => proxy.count, { timeout: 5000 }).toBeGreaterThan(before);
  expect(told).toEqual([false]);
  await holder.query('SELECT 1');
  holder.release();
  await other.end();
});

test('a store that is silent on every connection is away, and every connection is cut', async () => {
  await start(throughProxy(database.url, proxy));
  const other = openOther();
  const holder = await other.connect();
  proxy.blackHole();
  await expect.poll(() => told, { timeout: 5000 }).toEqual([false, true]);
  await expect(holder.query('SELECT 1')).rejects.toThrow();
  holder.release(true);
  await other.end();
  proxy.restore();
  await expect.poll(() => told.at(-1), { timeout: 5000 }).toBe(false);
});

/* Red when sessions of before were kept: they stay read only forever. */
test('a database that may only be read is away, and its sessions are cut', async () => {
  await start(database.url);
  const name = new URL(database.url).pathname.slice(1);
  const server = withDatabase(database.url, 'postgres');
  await executeOn(server, `ALTER DATABASE ${name} SET default_transaction_read_only = on`);
  await executeOn(
    server,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '% of the store' AND datname = '${name}'`,
  );
  await expect.poll(() => told.at(-1), { timeout: 5000 }).toBe(true);
  await executeOn(server, `ALTER DATABASE ${name} RESET default_transaction_read_only`);
  await expect.poll(() => told.at(-1), { timeout: 5000 }).toBe(false);
});

function codeOf(cause: unknown): unknown {
  return cause instanceof Error && 'code' in cause ? cause.code : cause;
}

/** Has `pg_terminate_backend` fail in each new session of the database; returns the database's name. */
async function refuseToEndSessions(code: string): Promise<string> {
  await database.pool.query(`CREATE SCHEMA refusing; GRANT USAGE ON SCHEMA refusing TO PUBLIC;
    CREATE FUNCTION refusing.pg_terminate_backend(int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
      RAISE 'planted' USING ERRCODE = '${code}'; END $$`);
  const name = new URL(database.url).pathname.slice(1);
  await database.pool.query(
    `ALTER DATABASE ${name} SET search_path = refusing, public, pg_catalog`,
  );
  return name;
}

/* Red when the probe ended stuck sessions in the same statement: a start never ended, and flooded the server. */
test('a role that may not end sessions is reported once, and the store is not away', async () => {
  await refuseToEndSessions('42501');
  const stuck = await openStuck(database.url);
  await start(database.url);
  await expect.poll(() => complaints.length, { timeout: 5000 }).toBe(1);
  const other = openOther();
  await other.query('SELECT 1');
  expect(complaints).toEqual([['endStuckSessions', '42501']]);
  expect(told).toEqual([false]);
  await stuck.end();
  await other.end();
});

/*
 * Planted, seen red: any SQLSTATE is a refusal for good. One statement that was cancelled, and stuck sessions were
 * never ended again.
 */
test('a failure that may pass does not keep stuck sessions from being ended later', async () => {
  const name = await refuseToEndSessions('57014');
  const stuck = await openStuck(database.url);
  await start(database.url);
  await expect.poll(() => complaints, { timeout: 5000 }).toEqual([['endStuckSessions', '57014']]);
  await database.pool.query('DROP FUNCTION refusing.pg_terminate_backend(int)');
  await database.pool.query(`ALTER DATABASE ${name} RESET search_path`);
  await expect.poll(() => isEnded(stuck), { timeout: 5000, interval: 300 }).toBe(true);
  expect(told).toEqual([false]);
});

/** A session that waits for its client in a transaction. */
async function openStuck(url: string) {
  const client = await openClient({
    connectionString: url,
    applicationName: 'tollgate-lane',
    sockets,
    connectTimeoutMs: 5000,
    statementTimeoutMs: 5000,
  });
  await client.query('BEGIN');
  return client;
}

function isEnded(client: Client): Promise<boolean> {
  return client.query('SELECT 1').then(
    () => false,
    () => true,
  );
}

/* Red without `stuckSessions`: before PostgreSQL 17 such a session holds its locks forever. */
test('a session of ours that waits for its client in a transaction is ended', async () => {
  const stuck = await openStuck(database.url);
  await start(database.url);
  await expect.poll(() => isEnded(stuck), { timeout: 5000, interval: 300 }).toBe(true);
});

/* Red without the limits in `connectLane`. */
test('a lane has its session limits before it is made ready', async () => {
  const limits = { idleInTransactionMs: 700, unacknowledgedMs: 1500 };
  const shown: unknown[] = [];
  const lane = await connectLane(
    { connectionString: database.url, statementTimeoutMs: 5000, connectTimeoutMs: 5000, limits },
    async (client) => {
      shown.push(...(await client.query('SHOW idle_in_transaction_session_timeout')).rows);
    },
  );
  await lane.end();
  expect(shown).toEqual([{ idle_in_transaction_session_timeout: '700ms' }]);
});

/* Red without the limit of a transaction: it held its locks until the statement's own limit, 20 seconds later. */
test('a transaction of a lane has an end, whatever its statements take', async () => {
  const limits = { idleInTransactionMs: 700, transactionMs: 200, unacknowledgedMs: 1500 };
  const statementTimeoutMs = 20_000;
  const lane = await connectLane({
    connectionString: database.url,
    statementTimeoutMs,
    connectTimeoutMs: 5000,
    limits,
  });
  const { rows } = await lane.query<{ knows: boolean }>(
    "SELECT current_setting('server_version_num')::int >= 170000 AS knows",
  );
  await lane.query('BEGIN');
  // Servers before 17 have no such limit.
  const code = rows[0]?.knows === true ? '25P04' : '57014';
  await expect(lane.query('SELECT pg_sleep(60)')).rejects.toMatchObject({ code });
  await lane.end().catch(() => undefined);
});

/* Red when a failed preparation left its connection open, and when nobody listened while it connected. */
test('a connection that is lost while it opens, or cannot be made ready, leaves nothing behind', async () => {
  const own = createStoreSockets();
  const options = {
    connectionString: throughProxy(database.url, proxy),
    applicationName: 'leak test',
    sockets: own,
    connectTimeoutMs: 5000,
    statementTimeoutMs: 5000,
  };
  const prepare = (): Promise<void> => Promise.reject(new Error('planted'));
  await expect(openClient({ ...options, prepare })).rejects.toThrow('planted');
  await expect.poll(() => own.count, { timeout: 5000 }).toBe(0);
  for (const delayMs of [0, 1, 2, 4, 8, 16]) {
    const opening = openClient(options).then((client) => client.end());
    setTimeout(() => proxy.reset(), delayMs);
    await opening.catch(() => undefined);
  }
  await expect.poll(() => own.count, { timeout: 5000 }).toBe(0);
});

/* Red without `isAway` in the pool: each caller waited for a connection until its time was up. */
test('while the store is away no call waits for a connection', async () => {
  const config = { url: database.url, applicationName: 'away', maxConnections: 1 };
  const pool = createPool({
    ...config,
    statementTimeoutMs: 5000,
    poolWaitMs: 5000,
    isAway: () => true,
  });
  await expect(pool.query('SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  await expect(pool.connect()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  expect(pool.totalCount).toBe(0);
  await pool.end();
});

/* Red without the watch of a lane: one lost connection made the calls of its organizations wait forever. */
test('a lane whose connection falls silent drops it, and its batch fails', async () => {
  const lane = createLaneConnection({
    connect: () =>
      connectLane({
        connectionString: throughProxy(database.url, proxy),
        statementTimeoutMs: 20_000,
        connectTimeoutMs: 5000,
      }),
    streamOf,
    silenceMs: 200,
  });
  await lane.use((client) => client.query('SELECT 1'));
  proxy.blackHole();
  await expect(lane.use((client) => client.query('SELECT 1'))).rejects.toThrow();
  proxy.restore();
  await lane.use((client) => client.query('SELECT 1'));
  await lane.close();
});

/* Red without an end for what comes after signing in: a lane waited forever, and health said SERVING. */
test('a connection that falls silent while it is made ready is given up', async () => {
  const opening = openClient({
    connectionString: throughProxy(database.url, proxy),
    applicationName: 'ready test',
    sockets,
    connectTimeoutMs: 300,
    statementTimeoutMs: 5000,
    prepare: async (client) => {
      proxy.set('swallow', 'swallow');
      await client.query('SELECT 1');
    },
  });
  await expect(opening).rejects.toThrow();
});
