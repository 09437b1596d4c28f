import { afterAll, beforeAll, expect, test } from 'vitest';
import { DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import type { PriceImport } from '../../src/policies/price-import.ts';
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

let database: TestDatabase;
let server: ServerProcess;

beforeAll(async () => {
  database = await createTestDatabase();
  await createGateway(database.pool);
  server = await startServerProcess(database.url, gatewayToken, { TOLLGATE_POLICY_WATCH: 'false' });
});

afterAll(async () => {
  await server.stop();
  await database.drop();
});

const { method } = DecisionService;

/** Two prices of one list, in nano-USD per million tokens. */
function listOf(input: bigint, reasoningOutput: bigint | undefined): PriceImport {
  const rates = {
    aboveInputTokens: 0n,
    input,
    output: 8_000_000_000n,
    cachedInput: undefined,
    cacheWrite: undefined,
    cacheWrite1h: undefined,
    reasoningOutput,
    perRequest: 0n,
    units: [],
  };
  const offers = ['thinker', 'other'].map((subject) => ({
    listed: { provider: '', model: subject, leftOut: [], rounded: [] },
    scope: 'MODEL' as const,
    subject,
    serviceTier: undefined,
    perTokens: 1_000_000n as const,
    rates: [rates],
    fromMs: undefined,
  }));
  return { source: 'test', offers, skipped: [] };
}

test('an import binds the next Check, and a Report says that the revision of its Check priced it', async () => {
  const store = policyStoreOf(database.pool, Date.now);
  await store.createOrganization(plainOrganization('acme'), anyChange);
  const page = { size: 10, token: undefined };
  const call = { orgId: 'acme', target: 'thinker' };
  const estimate = { inputTokens: 1000n, outputTokens: 1000n };
  const check = (requestId: string) =>
    server.client.call(method.check, { ...call, requestId, estimate });
  const usage = { ...estimate, reasoningOutputTokens: 600n };
  const report = (requestId: string) =>
    server.client.call(method.report, { ...call, requestId, usage });

  await store.importPrices('acme', listOf(2_000_000_000n, undefined), page, anyChange);
  const first = await check('r1');
  await store.importPrices('acme', listOf(4_000_000_000n, 3_000_000_000n), page, anyChange);
  const second = await check('r2');
  expect([first, second].map(({ outcome }) => outcome?.heldCostNanos)).toEqual([
    10_000_000n,
    12_000_000n,
  ]);

  const booked = [await report('r1'), await report('r2'), await report('r1')];
  expect(booked).toMatchObject([
    {
      costNanos: 10_000_000n,
      priceRevision: { subject: 'thinker', revision: 1n },
      reasoningOutputTokens: 600n,
    },
    { costNanos: 9_000_000n, priceRevision: { subject: 'thinker', revision: 2n }, overHold: false },
    { costNanos: 10_000_000n, priceRevision: { subject: 'thinker', revision: 1n }, replayed: true },
  ]);
  const { rows } = await database.pool.query(
    `SELECT cost, output, reasoning_output, price_revision FROM usage
WHERE org_id = 'acme' ORDER BY request_id`,
  );
  expect(rows).toEqual([
    {
      cost: '10000000',
      output: '1000',
      reasoning_output: '600',
      price_revision: 'MODEL thinker 1',
    },
    { cost: '9000000', output: '1000', reasoning_output: '600', price_revision: 'MODEL thinker 2' },
  ]);
});
