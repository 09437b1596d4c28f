import type { Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createPool } from '../../src/db/pool.ts';
import { createStoreSockets } from '../../src/db/store-sockets.ts';
import { startStoreWatch } from '../../src/db/store-watch.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';
import { serverOf, startTcpProxy, throughProxy } from '../support/tcp-proxy.ts';
import type { TcpProxy } from '../support/tcp-proxy.ts';

let database: TestDatabase;
let proxy: TcpProxy;
const sockets = createStoreSockets();

beforeEach(async () => {
  database = await createTestDatabase();
  proxy = await startTcpProxy(serverOf(database.url));
});

afterEach(async () => {
  await proxy.close();
  await database.drop();
});

/*
 * Planted, seen red: the failed probe of a store that is away waits until other connections are silent. Those that come
 * back first kept the store away for as long as it may be silent, and the store was back two seconds before its callers.
 */
test('connections that receive something do not delay the next probe of a store that is away', async () => {
  let probes = 0;
  const open = (): Socket => {
    probes += 1;
    return sockets.open();
  };
  const changes: boolean[] = [];
  const watch = startStoreWatch({
    connectionString: throughProxy(database.url, proxy),
    sockets: { ...sockets, open },
    silenceMs: 400,
    intervalMs: 20,
    idleInTransactionMs: 200,
    onChange: (isAway) => changes.push(isAway),
    onRefused: () => undefined,
  });
  await watch.answered;
  proxy.blackHole();
  await expect.poll(() => changes, { timeout: 5000 }).toEqual([false, true]);
  const timeOfProbes = async (): Promise<number> => {
    const [startedMs, last] = [performance.now(), probes + 5];
    await expect.poll(() => probes, { timeout: 10_000, interval: 5 }).toBeGreaterThanOrEqual(last);
    return performance.now() - startedMs;
  };
  const amongSilenceMs = await timeOfProbes();
  const config = { url: database.url, applicationName: 'other', maxConnections: 1 };
  const other = createPool({ ...config, statementTimeoutMs: 5000, poolWaitMs: 5000, sockets });
  const talk = { goesOn: true };
  const talking = (async () => {
    while (talk.goesOn) await other.query('SELECT pg_sleep(0.01)');
  })();
  const amongTalkMs = await timeOfProbes();
  talk.goesOn = false;
  await talking;
  await other.end();
  watch.stop();
  expect(amongTalkMs).toBeLessThan(2 * amongSilenceMs);
});
