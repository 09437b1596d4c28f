import { expect, test } from 'vitest';
import { createTestDatabase } from '../support/database.ts';
import { gatewayToken } from '../support/organization.ts';
import { startServerProcess } from '../support/server-process.ts';
import { checked, createStrictAndLax, isServing } from '../support/store-stage.ts';
import { serverOf, startTcpProxy, throughProxy } from '../support/tcp-proxy.ts';

/*
 * Planted, seen red: a probe that is silent on two connections means that the store is silent. All connections were
 * cut, and calls were refused or allowed without cause, for as long as the network lost the probe's.
 */
test('a network that loses the connections of the probe alone stops nothing', async () => {
  const database = await createTestDatabase();
  await createStrictAndLax(database.pool);
  const proxy = await startTcpProxy(serverOf(database.url));
  const server = await startServerProcess(throughProxy(database.url, proxy), gatewayToken);
  const said = new Set<string>();
  // What only the probe asks: its connections, old and new, get no more answers.
  proxy.swallowAfter('pg_is_in_recovery');
  const endMs = performance.now() + 20_000;
  // Two are silent before the first conclusion.
  while (proxy.mutedCount < 5 && performance.now() < endMs) {
    for (const orgId of ['strict', 'lax']) said.add(await checked(server, orgId));
  }
  expect(proxy.mutedCount).toBeGreaterThanOrEqual(5);
  expect([...said]).toEqual(['OK']);
  expect(await isServing(server)).toBe(true);
  await server.kill();
  await proxy.close();
  await database.drop();
}, 60_000);
