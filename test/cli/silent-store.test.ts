import { expect, test } from 'vitest';
import { createTestDatabase } from '../support/database.ts';
import { runCommand } from '../support/run-command.ts';
import { serverOf, startTcpProxy, throughProxy } from '../support/tcp-proxy.ts';

test.each([
  { args: ['verify'] },
  { args: ['access', 'list'] },
  { args: ['test', 'test/scenarios', '--only', '59-money-is-exact'] },
])('$args ends with a message when the store is silent', async ({ args }) => {
  const database = await createTestDatabase();
  const proxy = await startTcpProxy(serverOf(database.url));
  proxy.blackHole();
  const settings = {
    DATABASE_URL: throughProxy(database.url, proxy),
    TOLLGATE_STORE_TIMEOUT: '400ms',
  };
  const { said, ended } = runCommand(args, settings);
  expect(await ended).toBeGreaterThan(0);
  expect(said.err).toMatch(/^tollgate/);
  await proxy.close();
  await database.drop();
});

/* Planted, seen red: the socket is not watched. The command never ends. */
test('verify ends when the store falls silent in the middle', async () => {
  const database = await createTestDatabase();
  const proxy = await startTcpProxy(serverOf(database.url));
  proxy.swallowAfter('FROM org');
  const { said, ended } = runCommand(['verify'], {
    DATABASE_URL: throughProxy(database.url, proxy),
    TOLLGATE_STORE_TIMEOUT: '400ms',
  });
  await expect.poll(() => proxy.mutedCount, { timeout: 10_000 }).toBe(1);
  proxy.blackHole();
  expect(await ended).toBe(1);
  expect(said.err).toContain('tollgate: ');
  await proxy.close();
  await database.drop();
});
