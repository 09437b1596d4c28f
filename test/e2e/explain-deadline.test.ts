import { create, toBinary } from '@bufbuild/protobuf';
import { ChannelCredentials, Client, Metadata, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { DecisionService, ExplainRequestSchema } from '../../gen/tollgate/v1/decision_pb.ts';
import { createApp } from '../../src/app.ts';
import type { App } from '../../src/app.ts';
import type { UnaryClient } from '../../src/client/unary-client.ts';
import { orgSubject } from '../../src/core/subject.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';
import {
  anyChange,
  blockLimit,
  createGateway,
  gatewayToken,
  plainOrganization,
  policyStoreOf,
  putLimits,
} from '../support/organization.ts';
import { connectTo, testSettings } from '../support/test-app.ts';

/*
 * Red on Explains that nothing stops but the limit of a statement, as it was before: their statements stay
 * for as long as the lock is held, and those of one organization take every connection of the pool.
 */
const { check, explain } = DecisionService.method;
const poolSize = 10;
let database: TestDatabase;
let app: App;
let client: UnaryClient;

beforeAll(async () => {
  database = await createTestDatabase();
  await createGateway(database.pool);
  const store = policyStoreOf(database.pool, Date.now);
  for (const orgId of ['heavy', 'light']) {
    await store.createOrganization(plainOrganization(orgId), anyChange);
  }
  // No call has brought these meters to life, so an Explain sums them from the record.
  await putLimits(
    store,
    'heavy',
    orgSubject,
    Array.from({ length: 20 }, (_, number) =>
      blockLimit(`limit-${number}`, 'COST', 'MONTH', 1_000_000n, { targets: [`m${number}*`, 'm'] }),
    ),
  );
  await putLimits(store, 'light', orgSubject, [blockLimit('all', 'COST', 'MONTH', 1_000_000n)]);
  app = await createApp(
    testSettings(database.url, {
      TOLLGATE_RPC_TIMEOUT: '30s',
      TOLLGATE_STATEMENT_TIMEOUT: '1h',
      TOLLGATE_EXPLAIN_POOL_SIZE: `${poolSize}`,
    }),
  );
  client = connectTo(app, gatewayToken);
});

afterAll(async () => {
  client.close();
  await app.close();
  await database.drop();
});

/** Makes every sum of the record wait until the test ends. */
async function lockRecord(): Promise<void> {
  const locking = await database.pool.connect();
  onTestFinished(async () => {
    await locking.query('ROLLBACK');
    locking.release();
  });
  await locking.query('BEGIN');
  await locking.query('LOCK TABLE usage_daily IN ACCESS EXCLUSIVE MODE');
}

/** Statements that sum the record now. */
async function sumsUnderWay(): Promise<number> {
  const { rows } = await database.pool.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM pg_stat_activity
     WHERE datname = current_database() AND state = 'active' AND query LIKE 'WITH mark AS%'`,
  );
  return rows[0]?.count ?? -1;
}

function explainHeavy(timeoutMs: number): Promise<unknown> {
  return client.call(explain, { orgId: 'heavy', target: 'm' }, { timeoutMs });
}

function codesOf(results: readonly PromiseSettledResult<unknown>[]): Set<unknown> {
  return new Set(
    results.map((one) => (one.status === 'rejected' ? Reflect.get(one.reason, 'code') : 0)),
  );
}

test('an Explain leaves no statement behind after its deadline', async () => {
  await lockRecord();
  const answers = Promise.allSettled(Array.from({ length: 3 }, () => explainHeavy(400)));
  await expect.poll(sumsUnderWay).toBe(3);
  expect(codesOf(await answers)).toEqual(new Set([status.DEADLINE_EXCEEDED]));
  await expect.poll(sumsUnderWay, { timeout: 5_000 }).toBe(0);
});

test('an Explain leaves no statement behind when its caller goes', async () => {
  await lockRecord();
  const leaving = new Client(`127.0.0.1:${app.dataPort}`, ChannelCredentials.createInsecure());
  onTestFinished(() => leaving.close());
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${gatewayToken}`);
  const calls = Array.from({ length: 3 }, () =>
    leaving.makeUnaryRequest(
      `/${DecisionService.typeName}/${explain.name}`,
      (bytes: Uint8Array) => Buffer.from(bytes),
      (bytes: Buffer) => bytes,
      toBinary(ExplainRequestSchema, create(ExplainRequestSchema, { orgId: 'heavy', target: 'm' })),
      metadata,
      { deadline: Date.now() + 30_000 },
      () => undefined,
    ),
  );
  await expect.poll(sumsUnderWay).toBe(3);
  for (const call of calls) call.cancel();
  await expect.poll(sumsUnderWay, { timeout: 5_000 }).toBe(0);
});

test('another organization is answered while one has more Explains under way than it may', async () => {
  await lockRecord();
  const heavy = Promise.allSettled(Array.from({ length: 100 }, () => explainHeavy(2_000)));
  await expect.poll(sumsUnderWay).toBeGreaterThan(0);
  for (let times = 0; times < 10; times += 1) {
    const said = { orgId: 'light', target: 'm', estimate: { costNanos: 1n } };
    expect(await client.call(check, said)).toMatchObject({ orgId: 'light' });
    expect(await client.call(explain, said)).toMatchObject({ orgId: 'light' });
  }
  // A quarter of the pool's connections, rounded up: half of those that Explains may have.
  expect(await sumsUnderWay()).toBeLessThanOrEqual(Math.ceil(poolSize / 4));
  expect(codesOf(await heavy)).toEqual(
    new Set([status.RESOURCE_EXHAUSTED, status.DEADLINE_EXCEEDED]),
  );
  await expect.poll(sumsUnderWay, { timeout: 5_000 }).toBe(0);
});

test('an Explain is answered again when the record can be read', async () => {
  expect(await explainHeavy(10_000)).toMatchObject({ orgId: 'heavy' });
});
