import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PriceScope } from '../../gen/tollgate/v1/call_pb.ts';
import { DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import { Decision, LimitView, Reason } from '../../gen/tollgate/v1/outcome_pb.ts';
import { createApp } from '../../src/app.ts';
import type { App } from '../../src/app.ts';
import type { UnaryClient } from '../../src/client/unary-client.ts';
import { refusal } from '../support/data-server.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';
import { connectTo, testSettings } from '../support/test-app.ts';

const { method } = DecisionService;
const alice = { orgId: 'acme', subjects: { user: 'alice' }, target: 'gpt-4o-mini' };

let database: TestDatabase;
let undo: (() => void | Promise<void>)[] = [];

async function start(more?: Record<string, string>, clock?: { nowMs(): number }): Promise<App> {
  const app = await createApp(
    testSettings(database.url, more),
    clock === undefined ? {} : { clock },
  );
  undo.push(() => app.close());
  return app;
}

function connect(app: App, token: string | undefined): UnaryClient {
  const client = connectTo(app, token);
  undo.push(() => client.close());
  return client;
}

beforeEach(async () => {
  database = await createTestDatabase();
  undo = [() => database.drop()];
});
afterEach(async () => {
  for (const step of undo.toReversed()) await step();
});

test('the first start makes secrets and an example that answers; the second start makes none', async () => {
  const first = await start();
  const client = connect(first, first.secrets?.gateway);
  const estimate = { inputTokens: 1200n, outputTokens: 500n };
  const checked = await client.call(method.check, { ...alice, requestId: 'r1', estimate });
  const usage = { inputTokens: 1200n, outputTokens: 180n };
  const reported = await client.call(method.report, { orgId: 'acme', requestId: 'r1', usage });
  expect(checked.outcome).toMatchObject({ decision: Decision.ALLOW, heldCostNanos: 480_000n });
  expect(reported).toMatchObject({
    costNanos: 288_000n,
    priceRevision: {
      scope: PriceScope.PROVIDER_MODEL,
      subject: 'openai:gpt-4o-mini',
      revision: 1n,
      platform: true,
    },
  });
  const second = await start();
  expect(second.secrets).toBeUndefined();
  const again = connect(second, first.secrets?.gateway);
  const replayed = await again.call(method.report, { orgId: 'acme', requestId: 'r1', usage });
  expect(replayed).toMatchObject({ costNanos: 288_000n, replayed: true });
});

test('an interrupted first start is finished by the next, once', async () => {
  const first = await start();
  await first.close();
  await database.pool.query('TRUNCATE account, account_secret');
  const second = await start();
  expect(second.secrets).toBeDefined();
  const client = connect(second, second.secrets?.gateway);
  const { outcome } = await client.call(method.explain, alice);
  expect(outcome?.limits.map((one) => [one.limit, one.revision])).toEqual([
    ['user:alice/daily', 1n],
    ['team:research/pace', 1n],
    ['org/cap', 1n],
  ]);
});

test('without the example the store stays empty, but for the secrets', async () => {
  const app = await start({ TOLLGATE_EXAMPLE: 'false' });
  const error = await refusal(connect(app, app.secrets?.gateway).call(method.check, alice));
  expect(status[error.code]).toBe('NOT_FOUND');
});

test('a hand-moved clock decides windows and expiry', async () => {
  let nowMs = Date.parse('2026-03-10T23:59:30Z');
  const app = await start({}, { nowMs: () => nowMs });
  const client = connect(app, app.secrets?.gateway);
  const limitView = LimitView.ALL;
  const spend = (requestId: string) =>
    client.call(method.check, {
      ...alice,
      limitView,
      requestId,
      estimate: { costNanos: 3_000_000_000n },
    });
  const first = await spend('r1');
  const second = await spend('r2');
  nowMs = Date.parse('2026-03-11T00:00:00Z');
  const third = await spend('r3');
  nowMs += 11 * 60_000;
  const expired = await app.expireHolds();
  expect(first.outcome?.decideTime?.seconds).toBe(1_773_187_170n);
  expect(second.outcome).toMatchObject({
    reason: Reason.COST_EXCEEDED,
    retryAfter: { seconds: 30n },
  });
  expect(third.outcome?.decision).toBe(Decision.ALLOW);
  expect(expired).toBe(2);
});

test('a gateway of one organization is refused in another', async () => {
  const app = await start();
  await database.pool.query(
    `UPDATE account SET grants = jsonb_set(grants, '{0,orgIds}', '["globex"]') WHERE account_id = 'first-gateway'`,
  );
  const error = await refusal(connect(app, app.secrets?.gateway).call(method.check, alice));
  expect(status[error.code]).toBe('PERMISSION_DENIED');
});

test('starting fails whole when the store cannot be reached', async () => {
  const nowhere = { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' };
  await expect(createApp(testSettings(database.url, nowhere))).rejects.toThrow(
    'the store is unavailable: connection refused',
  );
});
