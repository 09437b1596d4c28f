import { afterEach, beforeEach, expect, test } from 'vitest';
import { DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import { createApp } from '../../src/app.ts';
import type { App } from '../../src/app.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';
import {
  anyChange,
  createGateway,
  gatewayToken,
  plainOrganization,
  policyStoreOf,
} from '../support/organization.ts';
import { startServerProcess } from '../support/server-process.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { testSettings } from '../support/test-app.ts';
import { differencesOf } from '../support/verified.ts';

const often = { TOLLGATE_EXPIRY_INTERVAL: '100ms' };
let database: TestDatabase;
let undo: (() => Promise<unknown>)[];

beforeEach(async () => {
  database = await createTestDatabase();
  undo = [() => database.drop()];
  await createGateway(database.pool);
  await policyStoreOf(database.pool, Date.now).createOrganization(
    plainOrganization('acme', { unpriced: 'ZERO' }),
    anyChange,
  );
});

afterEach(async () => {
  for (const step of undo.toReversed()) await step();
});

async function startProcess(): Promise<ServerProcess> {
  const server = await startServerProcess(database.url, gatewayToken, often);
  undo.push(() => server.kill());
  return server;
}

async function startHere(): Promise<App> {
  const app = await createApp(testSettings(database.url, often));
  undo.push(() => app.close());
  return app;
}

async function makeHolds({ client }: ServerProcess, count: number): Promise<void> {
  for (let from = 0; from < count; from += 100) {
    const calls = Array.from({ length: 100 }, (_, at) =>
      client.call(DecisionService.method.check, {
        orgId: 'acme',
        requestId: `r${from + at}`,
        subjects: { user: `u${at}` },
        target: 'gpt-4o',
        estimate: { inputTokens: 1n, outputTokens: 1n },
      }),
    );
    await Promise.all(calls);
  }
}

const expireAll = () => database.pool.query('UPDATE call SET expires_at = 1');

async function count(what: string): Promise<number> {
  const { rows } = await database.pool.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM ${what}`,
  );
  return rows[0]?.n ?? -1;
}

/* Planted: with a lease that never ends, no hold is ended while the first replica is stopped: red. */
test('a replica that is stopped in the middle of a sweep is followed by another, and ends nothing twice', async () => {
  const first = await startProcess();
  await makeHolds(first, 1500);
  // It has the lease before there is a second one.
  await expect.poll(() => count("sweep_lease WHERE holder <> ''"), { timeout: 10_000 }).toBe(1);
  await startProcess();
  await expireAll();
  await expect.poll(() => count('usage'), { timeout: 10_000, interval: 10 }).toBeGreaterThan(0);
  first.signal('SIGSTOP');
  await expect.poll(() => count("call WHERE state = 'OPEN'"), { timeout: 15_000 }).toBe(0);
  first.signal('SIGCONT');
  await first.client.call(DecisionService.method.check, { orgId: 'acme', target: 'gpt-4o' });
  expect(await count("usage WHERE kind = 'EXPIRED'")).toBe(1500);
  expect(await count("enforcement_event WHERE action = 'EXPIRED'")).toBe(1500);
  expect(await differencesOf(database.pool, 'acme')).toEqual([]);
});

test('holds that were ended and those that cannot be are in the metrics', async () => {
  const other = await startServerProcess(database.url, gatewayToken, {
    TOLLGATE_EXPIRY_INTERVAL: '0s',
  });
  undo.push(() => other.kill());
  await makeHolds(other, 100);
  await database.pool.query(
    "ALTER TABLE usage ADD CONSTRAINT refused CHECK (request_id NOT IN ('r7', 'r70'))",
  );
  await expireAll();
  const { adminPort } = await startHere();
  const metrics = async (): Promise<string[]> => {
    const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
    return text.split('\n').filter((line) => /^tollgate_holds_(?:expired_total|stuck) /.test(line));
  };
  await expect
    .poll(metrics, { timeout: 15_000 })
    .toEqual(['tollgate_holds_expired_total 98', 'tollgate_holds_stuck 2']);
});
