import { afterAll, beforeAll, expect, test } from 'vitest';
import { plainOrganization, anyChange } from '../support/organization.ts';
import { startAdminPlane } from '../support/admin-plane.ts';
import type { AdminPlane, Json } from '../support/admin-plane.ts';

let plane: AdminPlane;
beforeAll(async () => {
  plane = await startAdminPlane();
  await plane.store.createOrganization(plainOrganization('acme'), anyChange);
});
afterAll(() => plane.stop());

async function importing(message: Json): Promise<Json> {
  const { code, body } = await plane.call('CatalogService/ImportPrices', {
    orgId: 'acme',
    ...message,
  });
  expect([code, body['code']]).toEqual(['OK', undefined]);
  return body;
}

const counts = (answer: Json) =>
  ['addedCount', 'changedCount', 'skippedCount', 'sameCount'].map((count) => answer[count] ?? 0);

/** What a list says of service tiers, hours in a cache, images, sound and searches. */
const tiered = JSON.stringify({
  'gpt-5': {
    litellm_provider: 'openai',
    input_cost_per_token: 2e-6,
    output_cost_per_token: 8e-6,
    cache_creation_input_token_cost: 3e-6,
    cache_creation_input_token_cost_above_1hr: 4e-6,
    input_cost_per_token_flex: 1e-6,
    output_cost_per_token_flex: 4e-6,
    search_context_cost_per_query: {
      search_context_size_low: 0.01,
      search_context_size_high: 0.01,
    },
  },
  'gpt-image': {
    litellm_provider: 'openai',
    mode: 'image_generation',
    input_cost_per_image: 0.042,
  },
});

// Planted, and seen red each: the tier left out of a place in the answer, of a series, and of the comparison.
test('prices by service tier and of units are imported, compared, and the same afterwards', async () => {
  const previewed: unknown[] = [];
  const preview = { modelPricesJson: tiered, validateOnly: true, pageSize: 1 };
  let pageToken: unknown;
  do {
    const page = await importing({ ...preview, pageToken });
    previewed.push(...(page['prices'] as readonly Json[]));
    pageToken = page['nextPageToken'];
  } while (pageToken !== undefined);
  expect(previewed).toHaveLength(3);
  expect(previewed).toMatchObject([
    {
      price: {
        subject: 'openai:gpt-5',
        rates: [{ input: '2', cacheWrite: '3', cacheWrite1h: '4', units: { web_search: '0.01' } }],
      },
    },
    {
      serviceTier: 'flex',
      price: {
        serviceTier: 'flex',
        rates: [{ input: '1', output: '4', cacheWrite1h: '4', units: { web_search: '0.01' } }],
      },
    },
    { price: { subject: 'openai:gpt-image', rates: [{ units: { image: '0.042' } }] } },
  ]);
  expect(counts(await importing({ modelPricesJson: tiered }))).toEqual([3, 0, 0, 0]);
  expect(counts(await importing({ modelPricesJson: tiered }))).toEqual([0, 0, 0, 3]);
  const dearer = tiered.replace(
    '"output_cost_per_token_flex":0.000004',
    '"output_cost_per_token_flex":5e-6',
  );
  const done = await importing({ modelPricesJson: dearer.replace('0.042', '0.043') });
  expect(counts(done)).toEqual([0, 2, 0, 1]);
  expect((done['prices'] as readonly Json[]).slice(0, 2)).toMatchObject([
    {
      serviceTier: 'flex',
      price: { revision: '2' },
      before: { serviceTier: 'flex', revision: '1' },
    },
    { price: { revision: '2', rates: [{ units: { image: '0.043' } }] }, before: { revision: '1' } },
  ]);
});
