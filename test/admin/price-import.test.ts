import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { plainOrganization, anyChange } from '../support/organization.ts';
import { nowMs, startAdminPlane } from '../support/admin-plane.ts';
import type { AdminPlane, Answer, Json } from '../support/admin-plane.ts';

let plane: AdminPlane;
let count = 0;
let orgId = '';
beforeAll(async () => {
  plane = await startAdminPlane();
});
afterAll(() => plane.stop());
beforeEach(async () => {
  count += 1;
  orgId = `org${count}`;
  await plane.store.createOrganization(plainOrganization(orgId), anyChange);
});

/** Calls; what is refused is thrown. */
async function call(rpc: string, message: Json): Promise<Json> {
  const { code, body } = await plane.call(`CatalogService/${rpc}`, { orgId, ...message });
  if (code !== 'OK') throw new Error(JSON.stringify(body));
  return body;
}

const importing = (message: Json) => call('ImportPrices', message);
const refused = (message: Json): Promise<Answer> =>
  plane.call('CatalogService/ImportPrices', { orgId, ...message });

/** The items of an answer, in brief: what is done and of whom. */
function brief({ prices = [] }: Json): string[] {
  return (prices as readonly Json[]).map((item) => {
    const price = item['price'] as Json | undefined;
    const change = String(item['change']).replace('PRICE_IMPORT_CHANGE_', '');
    const skip = String(item['skipped']).replace('PRICE_IMPORT_SKIP_', '');
    return `${change} ${price === undefined ? `${skip} ${String(item['model'])}` : String(price['subject'])}`;
  });
}

const counts = (answer: Json) =>
  ['addedCount', 'changedCount', 'skippedCount', 'sameCount'].map((count) => answer[count] ?? 0);

async function listed(): Promise<readonly Json[]> {
  const { prices = [] } = await call('ListPrices', { pageSize: 1000 });
  return prices as readonly Json[];
}

/** Where the organization stands: its epoch, and the rows of its change log. */
async function steps(): Promise<Json | undefined> {
  const { rows } = await plane.database.pool.query<Json>(
    `SELECT epoch::integer, (SELECT count(*)::integer FROM audit_entry WHERE org_id = $1) AS changes
FROM org WHERE org_id = $1`,
    [orgId],
  );
  return rows[0];
}

const text = `{
  "sample_spec": {"input_cost_per_token": 0.0, "litellm_provider": "one of the docs"},
  "gpt-4o": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 2.5e-06,
    "output_cost_per_token": 1e-05, "cache_read_input_token_cost": 1.25e-06,
    "input_cost_per_token_above_200k_tokens": 5e-06, "input_cost_per_character": 2e-07},
  "azure/gpt-4o": {"litellm_provider": "azure", "mode": "chat", "input_cost_per_token": 3e-06,
    "output_cost_per_token": 1.2e-05, "output_cost_per_reasoning_token": 1.5e-05},
  "files": {"litellm_provider": "openai", "mode": "vector_store", "vector_store_cost_per_gb_per_day": 0.1},
  "openai/free": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 0.0}
}`;

test('a list is compared, imported as one change, and then changes nothing any more', async () => {
  const before = await steps();
  const preview = await importing({ modelPricesJson: text, validateOnly: true });
  expect(await steps()).toEqual(before);
  expect(await listed()).toEqual([]);
  const done = await importing({ modelPricesJson: text, reason: 'spring prices' });
  expect(await steps()).toEqual({ epoch: 2, changes: 2 });
  expect(done).toEqual({
    ...preview,
    prices: (preview['prices'] as readonly Json[]).map((item) =>
      item['price'] === undefined
        ? item
        : { ...item, price: { ...(item['price'] as Json), reason: 'spring prices' } },
    ),
  });
  expect(brief(done)).toEqual([
    'ADDED azure:gpt-4o',
    'ADDED openai:gpt-4o',
    'SKIPPED MODE files',
    'SKIPPED FREE openai/free',
  ]);
  expect(done['source']).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect((done['prices'] as readonly Json[])[1]).toMatchObject({
    provider: 'openai',
    model: 'gpt-4o',
    leftOut: ['input_cost_per_character'],
    price: {
      scope: 'PRICE_SCOPE_PROVIDER_MODEL',
      unit: 'PRICE_UNIT_PER_1M_TOKENS',
      rates: [
        { input: '2.5', output: '10', cachedInput: '1.25' },
        { aboveInputTokens: '200000', input: '5', output: '10', cachedInput: '1.25' },
      ],
      revision: '1',
      effectiveTime: '2026-03-10T09:00:00Z',
    },
  });
  expect(await listed()).toMatchObject([
    { subject: 'azure:gpt-4o', rates: [{ reasoningOutput: '15' }], reason: 'spring prices' },
    { subject: 'openai:gpt-4o' },
  ]);

  const again = await importing({ modelPricesJson: text, reason: 'again' });
  expect(counts(again)).toEqual([0, 0, 2, 2]);
  expect(await steps()).toEqual({ epoch: 2, changes: 2 });
  expect(await listed()).toHaveLength(2);
});

test('what differs is a new revision beside the old one, and the answer has both', async () => {
  await importing({ modelPricesJson: text });
  const dearer = text.replace('3e-06', '0.0000031');
  const done = await importing({ modelPricesJson: dearer });
  expect(brief(done)[0]).toBe('CHANGED azure:gpt-4o');
  expect((done['prices'] as readonly Json[])[0]).toMatchObject({
    price: { revision: '2', rates: [{ input: '3.1' }] },
    before: { revision: '1', rates: [{ input: '3' }] },
  });
  expect(counts(done)).toEqual([0, 1, 2, 1]);
  const { rows } = await plane.database.pool.query<Json>(
    'SELECT subject, before_doc, after_doc FROM audit_entry WHERE org_id = $1 AND epoch = 3',
    [orgId],
  );
  expect(rows[0]).toMatchObject({
    subject: expect.stringMatching(/^1 prices of sha256:/),
    before_doc: { items: [{ revision: 1, rates: [{ input: '3000000000' }] }] },
    after_doc: { items: [{ revision: 2, rates: [{ input: '3100000000' }] }] },
  });
});

test('a price by hand that costs the same is the same, whatever its unit', async () => {
  const rates = [
    { input: '0.0025', output: '0.01', cachedInput: '0.00125', cacheWrite: '0.0025' },
    { aboveInputTokens: 200_000, input: '0.005', output: '0.01', cachedInput: '0.00125' },
  ];
  const scope = 'PRICE_SCOPE_PROVIDER_MODEL';
  const byHand = { scope, subject: 'openai:gpt-4o', unit: 'PRICE_UNIT_PER_1K_TOKENS', rates };
  await call('AppendPrices', { prices: [byHand] });
  const done = await importing({ modelPricesJson: text });
  expect(brief(done)).toContain('SAME openai:gpt-4o');
  // A price that was revoked is none: the list's is added.
  await call('RevokePrice', { scope, subject: 'openai:gpt-4o', revision: 1, reason: 'wrong' });
  expect(brief(await importing({ modelPricesJson: text }))).toContain('ADDED openai:gpt-4o');
});

test('a part of a list is imported, under the names of the catalog', async () => {
  const part = { providers: ['az*'], models: ['gpt-*'], providerNames: { azure: 'west' } };
  expect(brief(await importing({ modelPricesJson: text, ...part }))).toEqual(['ADDED west:gpt-4o']);
  const asModel = { scope: 'PRICE_SCOPE_MODEL', validateOnly: true };
  expect(brief(await importing({ modelPricesJson: text, ...asModel }))).toEqual([
    'SKIPPED MODE files',
    'SKIPPED FREE openai/free',
    'SKIPPED AMBIGUOUS azure/gpt-4o',
    'SKIPPED AMBIGUOUS gpt-4o',
  ]);
  const kept = { providers: ['azure'], keepProviderPrefix: true, validateOnly: true };
  expect(brief(await importing({ modelPricesJson: text, ...kept }))).toEqual([
    'ADDED azure:azure/gpt-4o',
  ]);
});

test('a preview is paged, each price once', async () => {
  const names = Array.from({ length: 7 }, (_, index) => `m${index}`);
  const entry = { litellm_provider: 'p', input_cost_per_token: 1e-6 };
  const modelPricesJson = JSON.stringify(Object.fromEntries(names.map((name) => [name, entry])));
  const request = { modelPricesJson, validateOnly: true, pageSize: 3 };
  const pages: string[][] = [];
  let pageToken: unknown = '';
  do {
    const page = await importing({ ...request, pageToken });
    expect(page['addedCount']).toBe(7);
    pages.push(brief(page));
    pageToken = page['nextPageToken'];
  } while (pageToken !== undefined);
  expect(pages.map(({ length }) => length)).toEqual([3, 3, 1]);
  expect(pages.flat()).toEqual(names.map((name) => `ADDED p:${name}`));
  const done = await importing({ ...request, validateOnly: false });
  expect([brief(done).length, done['nextPageToken']]).toEqual([3, undefined]);
  expect(await listed()).toHaveLength(7);
});

// Planted: without the answer kept of an import that changed nothing, the repeat below appends a revision.
test('a repeated request id is answered as the first time, also where nothing was to be done', async () => {
  const first = await importing({ modelPricesJson: text, requestId: 'r1' });
  expect(await importing({ modelPricesJson: text, requestId: 'r1' })).toEqual(first);
  const idle = await importing({ modelPricesJson: text, requestId: 'r2' });
  const dearer = text.replace('3e-06', '4e-06');
  await importing({ modelPricesJson: dearer });
  expect(await importing({ modelPricesJson: text, requestId: 'r2' })).toEqual(idle);
  expect(await listed()).toHaveLength(3);
  const other = await refused({ modelPricesJson: dearer, requestId: 'r2' });
  expect(other).toMatchObject({ code: 'ALREADY_EXISTS', reason: 'REQUEST_ID_CONFLICT' });
});

test('the built-in list is imported whole, and once', async () => {
  const done = await importing({ builtIn: {}, reason: 'start' });
  expect(done['source']).toMatch(/^@pydantic\/genai-prices /);
  expect(done['addedCount']).toBeGreaterThan(1_000);
  expect(done['changedCount'] ?? 0).toBe(0);
  expect((done['prices'] as readonly Json[]).length).toBe(100);
  expect(await steps()).toEqual({ epoch: 2, changes: 2 });
  const again = await importing({ builtIn: {} });
  expect(counts(again)).toEqual([0, 0, done['skippedCount'], done['addedCount']]);
  expect(await steps()).toEqual({ epoch: 2, changes: 2 });
});

test('what is announced is imported with its date, and is the same before and after it', async () => {
  const models = ['gemini-3.6-flash'];
  const done = await importing({ builtIn: {}, providers: ['google'], models });
  const { length } = done['prices'] as readonly Json[];
  expect(brief(done)).toEqual(Array.from({ length }, () => 'ADDED google:gemini-3.6-flash'));
  expect(length).toBeGreaterThan(1);
  const times = (await listed()).map((price) => Date.parse(String(price['effectiveTime'])));
  expect(times[0]).toBe(nowMs);
  expect(times.slice(1).every((time) => time > nowMs)).toBe(true);
  const again = await importing({ builtIn: {}, providers: ['google'], models });
  expect(counts(again)).toEqual([0, 0, 0, length]);
});

test('a list that is longer than other messages may be is read, one beyond its bound is not', async () => {
  const entry = { litellm_provider: 'p', input_cost_per_token: 1e-6, source: 'x'.repeat(30_000) };
  const long = Object.fromEntries(['a', 'b', 'c', 'd'].map((name) => [name, entry]));
  const done = await importing({ modelPricesJson: JSON.stringify(long) });
  expect(done['addedCount']).toBe(4);
  const tooLong = await refused({ modelPricesJson: ' '.repeat(8 * 1024 * 1024) });
  expect(tooLong).toMatchObject({ code: 'RESOURCE_EXHAUSTED', reason: 'MESSAGE_TOO_LARGE' });
  const many = Object.fromEntries(
    Array.from({ length: 5_001 }, (_, index) => [
      `m${index}`,
      { litellm_provider: 'p', input_cost_per_token: 1e-6 },
    ]),
  );
  const tooMany = await refused({ modelPricesJson: JSON.stringify(many) });
  expect(tooMany).toMatchObject({ code: 'INVALID_ARGUMENT', fields: ['source'] });
  const entries = Array.from({ length: 10_001 }, (_, index) => `"m${index}":{}`);
  const tooManyEntries = await refused({ modelPricesJson: `{${entries.join()}}` });
  expect(tooManyEntries).toMatchObject({ fields: ['model_prices_json'] });
  expect(await listed()).toHaveLength(4);
});

test('two imports of one list at once append it once', async () => {
  const answers = await Promise.all([
    importing({ modelPricesJson: text }),
    importing({ modelPricesJson: text }),
  ]);
  expect(answers.map(counts)).toEqual(
    expect.arrayContaining([
      [2, 0, 2, 0],
      [0, 0, 2, 2],
    ]),
  );
  expect(await listed()).toHaveLength(2);
});
