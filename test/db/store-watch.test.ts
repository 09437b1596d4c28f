import { afterEach, beforeEach, expect, test } from 'vitest';
import { createPool } from '../../src/db/pool.ts';
import { openClient } from '../../src/db/open-client.ts';
import { createStoreSockets } from '../../src/db/store-sockets.ts';
import { startStoreWatch } from '../../src/db/store-watch.ts';
import type { StoreWatch } from '../../src/db/store-watch.ts';
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
    onCannotEnd: (cause) => complaints.push(cause),
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

/* Red when sessions of before were kept: they stay read only for ever. */
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

/* Red when the probe ended stuck sessions in the same statement: a start never ended, and flooded the server. */
test('a role that may not end sessions is told once, and the store is not away', async () => {
  await database.pool.query('CREATE ROLE watch_test LOGIN PASSWORD $$watch$$');
  await database.pool.query('CREATE SCHEMA refusing');
  await database.pool.query(
    'CREATE FUNCTION refusing.pg_terminate_backend(int) RETURNS boolean LANGUAGE sql AS $$ SELECT 1 / 0 = 1 $$',
  );
  const name = new URL(database.url).pathname.slice(1);
  await database.pool.query(
    `ALTER DATABASE ${name} SET search_path = refusing, public, pg_catalog`,
  );
  await database.pool.query('GRANT USAGE ON SCHEMA refusing TO watch_test');
  const url = new URL(database.url);
  [url.username, url.password] = ['watch_test', 'watch'];
  const stuck = openStuck(url.href);
  await start(url.href);
  await expect.poll(() => complaints.length, { timeout: 5000 }).toBe(1);
  expect(told).toEqual([false]);
  await (await stuck).end();
  await database.pool.query(`ALTER DATABASE ${name} RESET search_path`);
  watch?.stop();
  await database.pool.query('DROP OWNED BY watch_test; DROP ROLE watch_test');
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

/* Red without an end for what comes after signing in: a lane waited for ever, and health said SERVING. */
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
