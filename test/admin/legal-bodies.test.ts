import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { maxBytesOf } from '../../src/admin/http/message-size.ts';
import { answerOf, startAdminPlane } from '../support/admin-plane.ts';
import type { AdminPlane, Json } from '../support/admin-plane.ts';
import { measureLongestTurn } from '../support/longest-turn.ts';
import { anyChange, plainOrganization } from '../support/organization.ts';

const MiB = 1024 * 1024;
const longestTurnMs = 50;
let plane: AdminPlane;
beforeAll(async () => {
  plane = await startAdminPlane({ maxMessageBytes: MiB, timeoutMs: 60_000 });
  await plane.store.createOrganization(plainOrganization('acme'), anyChange);
  const models = names(64, 'model').map((id) => ({ orgId: 'acme', model: { id } }));
  await Promise.all(models.map((model) => plane.call('CatalogService/CreateModel', model)));
});
afterAll(() => plane.stop());

const names = (count: number, kind = 'n', length = 200): string[] =>
  Array.from({ length: count }, (_, index) => `${kind}${index}-`.padEnd(length, 'x'));

/** A policy with the most limits, targets, thresholds and rules, as long as its bound lets it be. */
function largestPolicy(subject: string): Json {
  const limits = names(200, 'limit').map((name, index) => ({
    name,
    metric: 'METRIC_COST',
    window: 'WINDOW_DAY',
    amount: '1000000.123456789',
    thresholds: { percents: [10, 20, 30, 40, 50, 60, 70, 80, 90, 100] },
    ...(index < 32 ? { targets: names(64, `t${index}-`) } : {}),
  }));
  const access = { allow: names(256, 'a'), deny: names(256, 'd') };
  return { orgId: 'acme', policy: { subject, limits, access, notes: 'n'.repeat(2000) } };
}

/** Prices with the most units, as many as a message has room for. */
function pricesOfUnits(): Json {
  const units = Object.fromEntries(names(32, 'u', 60).map((name) => [name, '0.000000000000001']));
  const { prices } = largestPrices(35) as {
    readonly prices: readonly { readonly rates: Json[] }[];
  };
  const withUnits = prices.map((price) => ({
    ...price,
    rates: price.rates.map((rates) => ({ ...rates, units })),
  }));
  return { orgId: 'acme', prices: withUnits };
}

function largestPrices(count: number): Json {
  const prices = names(count, 'model').map((subject) => ({
    scope: 'PRICE_SCOPE_MODEL',
    subject,
    unit: 'PRICE_UNIT_PER_1M_TOKENS',
    rates: Array.from({ length: 8 }, (_, index) => ({
      aboveInputTokens: String(index * 1000),
      input: '1000.123456789',
      output: '1000.123456789',
      cachedInput: '1000.123456789',
      cacheWrite: '1000.123456789',
      cacheWrite1h: '1000.123456789',
      reasoningOutput: '1000.123456789',
      perRequest: '1000.123456789',
    })),
  }));
  return { orgId: 'acme', prices };
}

/** As many entries as a list may have, half of them priced: as many as one import may write. */
function largestList(usd: string): string {
  const priced = names(5000, 'p', 16).map(
    (name) =>
      `"${name}":{"litellm_provider":"acme","mode":"chat","input_cost_per_token":${usd},` +
      `"output_cost_per_token":2e-6,"input_cost_per_token_above_128k_tokens":5e-6,"source":"${'s'.repeat(200)}"}`,
  );
  const skipped = names(5000, 's', 16).map((name) => `"${name}":{"mode":"image_generation"}`);
  return `{${[...priced, ...skipped].join(',')}}`;
}

const record = (field: string, more: Json): Json => ({
  orgId: 'acme',
  reason: 'r'.repeat(1000),
  [field]: { id: `${field}-`.padEnd(200, 'x'), displayName: 'd'.repeat(200), ...more },
});
const patterns = names(99, 'p', 16).map((name) => `${name}*`);
const list = (usd: string, more: Json = {}): Json => ({
  orgId: 'acme',
  modelPricesJson: largestList(usd),
  pageSize: 1000,
  ...more,
});

/** The RPCs whose legal messages may be long. Those of the others are a few texts of at most 1,000 characters. */
const legal: readonly [rpc: string, message: () => Json][] = [
  ['CatalogService/CreateModel', () => record('model', { groups: names(32) })],
  ['CatalogService/CreateRouteGroup', () => record('routeGroup', { members: names(64, 'model') })],
  ...Array.from({ length: 3 }, (): (typeof legal)[number] => [
    'CatalogService/AppendPrices',
    () => largestPrices(200),
  ]),
  ['CatalogService/ListPrices', () => ({ orgId: 'acme', pageSize: 1000 })],
  ['CatalogService/ImportPrices', () => list('1e-6', { validateOnly: true, models: patterns })],
  ['CatalogService/ImportPrices', () => list('1e-6', { requestId: 'a' })],
  ['CatalogService/ImportPrices', () => list('1e-6', { requestId: 'a' })],
  ['CatalogService/ImportPrices', () => list('2e-6', { requestId: 'b' })],
  ['CatalogService/ImportPrices', () => ({ orgId: 'acme', builtIn: {}, pageSize: 1000 })],
  ['CatalogService/ListPrices', () => ({ orgId: 'acme', pageSize: 1000 })],
  ...['org', 'tier:a', 'tier:b', 'tier:c', 'tier:d'].map((subject): (typeof legal)[number] => [
    'PolicyService/UpdatePolicy',
    () => largestPolicy(subject),
  ]),
  [
    'OrganizationService/CreateOrganization',
    () => ({ organization: { id: 'large' }, policy: largestPolicy('org')['policy'] }),
  ],
  ['PolicyService/GetPolicy', () => ({ orgId: 'acme', subject: 'org' })],
  ['PolicyService/ListPolicies', () => ({ orgId: 'acme', pageSize: 1000 })],
  ['PolicyService/ListPolicyRevisions', () => ({ orgId: 'acme', subject: 'org', pageSize: 1000 })],
];

// Red on the code before: the first import took 236 ms of CPU in one turn.
test('no legal message holds the event loop, as it is or compressed', async () => {
  for (const one of legal) await expectShortTurns(...one);
});

test('nor do prices of very many units, written or listed', async () => {
  await expectShortTurns('CatalogService/AppendPrices', pricesOfUnits);
  const ofUnits = { orgId: 'acme', pageSize: 1000 };
  await expectShortTurns('CatalogService/ListPrices', () => ofUnits);
});

async function expectShortTurns(rpc: string, message: () => Json): Promise<void> {
  for (const isPacked of [false, true]) {
    const body = JSON.stringify(message());
    expect(body.length).toBeLessThan(maxBytesOf(rpc.split('/')[1] ?? '', MiB));
    const longest = await measureLongestTurn(() => send(rpc, body, isPacked));
    expect(longest.cpuMs, `${rpc} ${body.length}`).toBeLessThan(longestTurnMs);
  }
}

async function send(rpc: string, body: string, isPacked: boolean): Promise<void> {
  const response = await fetch(`${plane.url}/tollgate.admin.v1.${rpc}`, {
    method: 'POST',
    headers: {
      authorization: 'Bearer root',
      'content-type': 'application/json',
      ...(isPacked ? { 'content-encoding': 'gzip' } : {}),
    },
    body: isPacked ? gzipSync(body) : body,
  });
  const answer = answerOf(response.status, JSON.parse(await response.text()) as Json);
  // Created once already.
  expect(['OK', 'ALREADY_EXISTS'], `${rpc} ${JSON.stringify(answer.body).slice(0, 600)}`).toContain(
    answer.code,
  );
}
