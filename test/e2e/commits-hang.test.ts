import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { TestDatabase } from '../support/database.ts';
import { gatewayToken } from '../support/organization.ts';
import { startOwnPostgres } from '../support/own-postgres.ts';
import { executeOn } from '../support/postgres-server.ts';
import { startServerProcess } from '../support/server-process.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { check, checked, createStrictAndLax, isServing } from '../support/store-stage.ts';
import { serverOf, startTcpProxy, throughProxy } from '../support/tcp-proxy.ts';
import type { TcpProxy } from '../support/tcp-proxy.ts';
import { differencesOf } from '../support/verified.ts';

let database: TestDatabase;
let proxy: TcpProxy;
let server: ServerProcess;

beforeAll(async () => {
  database = await startOwnPostgres();
  await createStrictAndLax(database.pool);
});
afterAll(() => database.drop());
beforeEach(async () => {
  proxy = await startTcpProxy(serverOf(database.url));
  server = await startServerProcess(throughProxy(database.url, proxy), gatewayToken);
  await check(server, 'strict');
  await check(server, 'lax');
});
afterEach(async () => {
  await server.kill();
  await proxy.close();
});

/** A synchronous standby that does not exist: commits hang, and everything else works. */
async function waitForStandby(name: string): Promise<void> {
  await executeOn(database.url, `ALTER SYSTEM SET synchronous_standby_names = '${name}'`);
  await executeOn(database.url, 'SELECT pg_reload_conf()');
  // Until backends have it: a commit must not pass that began after this.
  const shown = async () =>
    (await database.pool.query<{ names: string }>('SHOW synchronous_standby_names')).rows[0];
  await expect.poll(shown).toEqual({ synchronous_standby_names: name });
}

/** What becomes of Checks that are sent one after another until one is answered with `last`. */
async function untilSaid(orgId: string, last: string): Promise<ReadonlySet<string>> {
  const said = new Set<string>();
  const endMs = performance.now() + 10_000;
  for (;;) {
    const answer = await checked(server, orgId);
    if (answer === last) return said;
    said.add(answer);
    if (performance.now() > endMs) throw new Error(`${orgId} is answered ${[...said].join(', ')}`);
    await turn();
  }
}

async function expectRecovery(): Promise<void> {
  const backMs = performance.now();
  await expect.poll(() => isServing(server), { timeout: 10_000, interval: 20 }).toBe(true);
  expect(await checked(server, 'strict')).toBe('OK');
  expect(performance.now() - backMs).toBeLessThan(2000);
  expect(await checked(server, 'lax')).toBe('OK');
  for (const orgId of ['strict', 'lax']) {
    expect(await differencesOf(database.pool, orgId)).toEqual([]);
  }
}

/*
 * Red on the code before: both organizations got DEADLINE_EXCEEDED, no call was degraded, and health said SERVING
 * for as long as commits hung.
 */
test('commits that wait for a standby that is gone: callers get an error or are allowed, and it comes back', async () => {
  await waitForStandby('nobody');
  const startedMs = performance.now();
  try {
    // Sent at once, with the usual deadline of two seconds.
    const first = await Promise.all([checked(server, 'strict'), checked(server, 'lax')]);
    expect(first).toEqual(['UNAVAILABLE STORE_UNAVAILABLE', 'degraded']);
    expect(await isServing(server)).toBe(false);
    expect(performance.now() - startedMs).toBeLessThan(3000);
    const againMs = performance.now();
    const again = await Promise.all([checked(server, 'strict'), checked(server, 'lax')]);
    expect(again).toEqual(['UNAVAILABLE STORE_UNAVAILABLE', 'degraded']);
    expect(performance.now() - againMs).toBeLessThan(500);
    // The probe goes on, and does not pile up sessions that hang.
    const probes = new Set<string>();
    await expect
      .poll(async () => probes.add(await lastProbe()).size, { timeout: 10_000 })
      .toBeGreaterThan(6);
    expect(await probeSessions()).toBe(3);
  } finally {
    await waitForStandby('');
  }
  await expectRecovery();
}, 60_000);

/** Two whose commits hang, and the one that goes on. */
async function probeSessions(): Promise<number> {
  const { rows } = await database.pool.query<{ n: number }>(
    "SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name LIKE '% of the store'",
  );
  return rows[0]?.n ?? NaN;
}

/** When the probe last asked, by the connection that is not hung. */
async function lastProbe(): Promise<string> {
  const { rows } = await database.pool.query<{ at: string }>(
    "SELECT max(query_start)::text AS at FROM pg_stat_activity WHERE application_name LIKE '% of the store'",
  );
  return rows[0]?.at ?? '';
}

/* Red on the code before, as above. Nobody calls: the probe's own write finds out. */
test('commits that hang are noticed without a call', async () => {
  await waitForStandby('nobody');
  const startedMs = performance.now();
  try {
    await expect.poll(() => isServing(server), { timeout: 10_000, interval: 20 }).toBe(false);
    expect(performance.now() - startedMs).toBeLessThan(3000);
  } finally {
    await waitForStandby('');
  }
  await expectRecovery();
}, 60_000);

/* Red on the code before: health said SERVING, and nothing was degraded. */
test('answers to commits that are lost: callers get an error or are allowed, and it comes back', async () => {
  proxy.swallowAfter('COMMIT');
  const startedMs = performance.now();
  await Promise.all([
    untilSaid('strict', 'UNAVAILABLE STORE_UNAVAILABLE'),
    untilSaid('lax', 'degraded'),
  ]);
  expect(performance.now() - startedMs).toBeLessThan(3000);
  expect(await isServing(server)).toBe(false);
  proxy.restore();
  await expectRecovery();
}, 60_000);

/* Seen red where a lock that is not available (55P03) means that the store is away. */
test('an organization that is locked by somebody else opens no budget', async () => {
  const locker = await database.pool.connect();
  try {
    await locker.query('BEGIN');
    await locker.query("SELECT 1 FROM meter WHERE org_id = 'lax' FOR UPDATE");
    const said = await Promise.all(Array.from({ length: 4 }, () => checked(server, 'lax')));
    expect(new Set(said)).toEqual(new Set(['RESOURCE_EXHAUSTED STORE_BUSY']));
    expect(await isServing(server)).toBe(true);
  } finally {
    await locker.query('ROLLBACK');
    locker.release();
  }
  await expect.poll(() => checked(server, 'lax'), { timeout: 5000 }).toBe('OK');
}, 60_000);
