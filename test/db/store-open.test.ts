import { afterEach, beforeEach, expect, test } from 'vitest';
import { Client } from 'pg';
import { connectLane } from '../../src/db/lane-client.ts';
import { createStoreSockets } from '../../src/db/store-sockets.ts';
import { startStoreWatch } from '../../src/db/store-watch.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';
import { serverOf, startTcpProxy, throughProxy } from '../support/tcp-proxy.ts';

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.drop());

/* Red when nobody listened for errors until the connection was ready. */
test('a backend that is lost while its connection is made ready fails that connection alone', async () => {
  const sockets = createStoreSockets();
  const options = {
    connectionString: database.url,
    statementTimeoutMs: 5000,
    connectTimeoutMs: 5000,
    sockets,
  };
  const lane = connectLane(options, async (client) => {
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const ended = new Promise((done) => client.once('end', done));
    await database.pool.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
    await ended;
    await client.query('SELECT 1');
  });
  await expect(lane).rejects.toThrow();
  await expect.poll(() => sockets.count).toBe(0);
});

/* Planted, seen red: any failure of that statement counts as a refusal for good. Here the connection is lost in it. */
test('stuck sessions are ended also after the watch was lost while it ended some', async () => {
  const proxy = await startTcpProxy(serverOf(database.url));
  const complaints: unknown[] = [];
  // It waits, so that the loss can be placed inside it; in the path before the real one.
  await database.pool.query(`CREATE SCHEMA slow; CREATE TABLE slow.asked ();
    CREATE FUNCTION slow.pg_terminate_backend(int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
      PERFORM pg_sleep(0.2); RETURN pg_catalog.pg_terminate_backend($1); END $$`);
  const name = new URL(database.url).pathname.slice(1);
  await database.pool.query(`ALTER DATABASE ${name} SET search_path = slow, public, pg_catalog`);
  const stuck = new Client({ connectionString: database.url, application_name: 'tollgate-lane' });
  stuck.on('error', () => undefined);
  await stuck.connect();
  await stuck.query('BEGIN');
  const watch = startStoreWatch({
    connectionString: throughProxy(database.url, proxy),
    sockets: createStoreSockets(),
    silenceMs: 4000,
    intervalMs: 20,
    idleInTransactionMs: 100,
    onChange: () => undefined,
    onRefused: (_what, cause) => complaints.push(cause),
  });
  const asleep = `SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()`;
  await expect
    .poll(async () => (await database.pool.query(asleep)).rowCount, { interval: 5, timeout: 5000 })
    .toBe(1);
  proxy.reset();
  await database.pool.query(`ALTER DATABASE ${name} RESET search_path`);
  // A second one: it comes after the loss.
  const second = new Client({ connectionString: database.url, application_name: 'tollgate-lane' });
  let isSecondEnded = false;
  second
    .on('error', () => undefined)
    .on('end', () => {
      isSecondEnded = true;
    });
  await second.connect();
  await second.query('BEGIN');
  await expect
    .poll(() => isSecondEnded, { timeout: 5000 })
    .toBe(true)
    .finally(() => {
      watch.stop();
      void proxy.close();
      void stuck.end().catch(() => undefined);
      void second.end().catch(() => undefined);
    });
  expect(complaints).toEqual([]);
}, 20_000);
