import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Decision } from '../../gen/tollgate/v1/outcome_pb.ts';
import { errorDetails } from '../../src/client/error-details.ts';
import { refusal } from '../support/data-server.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';
import { gatewayToken } from '../support/organization.ts';
import { startServerProcess } from '../support/server-process.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { check, createStrictAndLax, isServing } from '../support/store-stage.ts';
import { serverOf, startTcpProxy, throughProxy } from '../support/tcp-proxy.ts';
import type { TcpProxy } from '../support/tcp-proxy.ts';
import { differencesOf } from '../support/verified.ts';

let database: TestDatabase;
let proxy: TcpProxy;
let servers: ServerProcess[];

beforeEach(async () => {
  database = await createTestDatabase();
  proxy = await startTcpProxy(serverOf(database.url));
  await createStrictAndLax(database.pool);
  servers = [];
});

afterEach(async () => {
  await Promise.all(servers.map((server) => server.kill()));
  await proxy.close();
  await database.drop();
});

async function start(url: string, environment: Readonly<Record<string, string>> = {}) {
  const server = await startServerProcess(url, gatewayToken, environment);
  servers.push(server);
  return server;
}

/*
 * Red on the code before, in all of its lines: no answer of the store was ever waited for with an end, so
 * readiness stayed true, no call was degraded, and after the black hole nothing came back.
 */
test('a store that swallows everything is noticed, callers get an error or are allowed, and it comes back', async () => {
  const server = await start(throughProxy(database.url, proxy));
  await check(server, 'strict');
  await check(server, 'lax');

  proxy.blackHole();
  const startedMs = performance.now();
  await expect.poll(() => isServing(server), { timeout: 10_000 }).toBe(false);
  expect(performance.now() - startedMs).toBeLessThan(3000);
  const error = await refusal(check(server, 'strict'));
  expect(status[error.code]).toBe('UNAVAILABLE');
  expect(errorDetails(error).reason).toBe('STORE_UNAVAILABLE');
  const { outcome, degraded } = await check(server, 'lax');
  expect([outcome?.decision, degraded]).toEqual([Decision.ALLOW, true]);

  proxy.restore();
  const backMs = performance.now();
  await expect.poll(() => isServing(server), { timeout: 10_000, interval: 20 }).toBe(true);
  await check(server, 'strict');
  expect(performance.now() - backMs).toBeLessThan(2000);
  expect((await check(server, 'lax')).degraded).toBe(false);
  for (const orgId of ['strict', 'lax']) {
    expect(await differencesOf(database.pool, orgId)).toEqual([]);
  }
}, 60_000);

/* Red on the code before: the callers that were waiting when the store fell silent waited for their deadline. */
test('calls under way when the store falls silent are answered', async () => {
  const server = await start(throughProxy(database.url, proxy), { TOLLGATE_RPC_TIMEOUT: '10s' });
  await Promise.all([check(server, 'strict'), check(server, 'lax')]);
  proxy.set('swallow', 'swallow');
  const startedMs = performance.now();
  const waiting = Array.from({ length: 20 }, () => refusal(check(server, 'strict')));
  const passing = Array.from({ length: 20 }, () => check(server, 'lax'));
  for (const error of await Promise.all(waiting)) {
    expect(errorDetails(error).reason).toBe('STORE_UNAVAILABLE');
  }
  for (const { degraded } of await Promise.all(passing)) expect(degraded).toBe(true);
  expect(performance.now() - startedMs).toBeLessThan(3000);
}, 60_000);

/* Red on the code before: neither process ever ended. */
test('SIGTERM ends the process in time while the store is silent, also one that is starting', async () => {
  const settings = { TOLLGATE_DRAIN_WAIT: '100ms', TOLLGATE_DRAIN_TIMEOUT: '2s' };
  const server = await start(throughProxy(database.url, proxy), settings);
  await check(server, 'strict');
  proxy.blackHole();
  const starting = startServerProcess(throughProxy(database.url, proxy), gatewayToken, settings, {
    onSpawn: (child) => setTimeout(() => child.kill('SIGTERM'), 500),
  });
  void refusal(check(server, 'strict'));
  const startedMs = performance.now();
  await Promise.all([server.stop(), expect(starting).rejects.toThrow('ended before it served')]);
  expect(performance.now() - startedMs).toBeLessThan(5000);
}, 60_000);

/*
 * Red on the code before: the paused replica's session kept the rows of its batch locked, and the other one
 * answered nothing for as long as the pause lasted.
 */
test('while a replica is paused the others go on, and it goes on when it is woken', async () => {
  const [paused, other] = [await start(database.url), await start(database.url)];
  await Promise.all([check(paused, 'strict'), check(other, 'strict')]);
  const load = Array.from({ length: 200 }, () => check(paused, 'strict').catch(() => undefined));
  await Promise.race(load);
  paused.signal('SIGSTOP');
  const startedMs = performance.now();
  for (let number = 0; number < 50; number += 1) {
    const answer = check(other, number % 2 === 0 ? 'strict' : 'lax');
    // One that waited for the paused session may be asked to retry; none waits long.
    await answer.catch((cause: unknown) => {
      expect(performance.now() - startedMs, String(cause)).toBeLessThan(3000);
    });
  }
  expect(performance.now() - startedMs).toBeLessThan(5000);
  paused.signal('SIGCONT');
  await Promise.all(load);
  const beforeMs = Date.now();
  const { outcome } = await check(paused, 'strict');
  expect(Number(outcome?.decideTime?.seconds) * 1000).toBeGreaterThanOrEqual(beforeMs - 1999);
  expect(await differencesOf(database.pool, 'strict')).toEqual([]);
}, 60_000);
