import { expect, it } from 'vitest';
import { selectPrices } from '../../src/price-lists/select-prices.ts';
import type { PriceSelection } from '../../src/price-lists/select-prices.ts';
import { modelPricesJson } from '../../src/price-lists/model-prices-json.ts';
import { idFault } from '../../src/wire/fields.ts';
import { unhurried } from '../support/unhurried.ts';

const entry = (provider: string, usd: number, more = {}) => ({
  litellm_provider: provider,
  input_cost_per_token: usd,
  output_cost_per_token: usd,
  ...more,
});
const list = await modelPricesJson(
  JSON.stringify({
    'gpt-4o': entry('openai', 2e-6),
    // Says what would stand in for it anyway.
    'openai/gpt-4o': entry('openai', 2e-6, { cache_read_input_token_cost: 2e-6 }),
    'azure/gpt-4o': entry('azure', 3e-6),
    'vertex_ai/claude': entry('vertex_ai-anthropic', 4e-6),
    'deepseek/chat': entry('deepseek', 1e-6),
    chat: entry('deepseek', 2e-6),
    'local/free': entry('local', 0),
    'search/one': entry('search', 0, { input_cost_per_pixel: 0.01 }),
    nobody: { input_cost_per_token: 1e-6 },
    'a b': entry('openai', 1e-6),
  }),
  unhurried,
);

const select = async (more: Partial<PriceSelection> = {}) => {
  const selection: PriceSelection = {
    scope: 'PROVIDER_MODEL',
    providers: [],
    models: [],
    providerNames: new Map(),
    keepsPrefix: false,
    includesFree: false,
    ...more,
  };
  const { offers, skipped } = await selectPrices(list, selection, idFault, unhurried);
  return {
    offered: offers.map(({ subject }) => subject).toSorted(),
    skipped: Object.fromEntries(skipped.map(({ listed, reason }) => [listed.model, reason])),
  };
};

it('a price is of a provider and a model, and one that stands there twice is one', async () => {
  expect(await select()).toEqual({
    offered: ['azure:gpt-4o', 'openai:gpt-4o', 'vertex_ai-anthropic:claude'],
    skipped: {
      'deepseek/chat': 'AMBIGUOUS',
      chat: 'AMBIGUOUS',
      'local/free': 'FREE',
      'search/one': 'NO_PRICE',
      nobody: 'NAME',
      'a b': 'NAME',
    },
  });
});

it('names keep their prefix on request', async () => {
  expect((await select({ keepsPrefix: true, providers: ['deepseek', 'vertex*'] })).offered).toEqual(
    ['deepseek:chat', 'deepseek:deepseek/chat', 'vertex_ai-anthropic:vertex_ai/claude'],
  );
});

it('as a model, a name with several prices has no price until one provider is left', async () => {
  const all = await select({ scope: 'MODEL' });
  expect(all.offered).toEqual(['claude', 'nobody']);
  expect(all.skipped).toMatchObject({ 'gpt-4o': 'AMBIGUOUS', 'azure/gpt-4o': 'AMBIGUOUS' });
  expect((await select({ scope: 'MODEL', providers: ['openai'] })).offered).toEqual(['gpt-4o']);
});

// Planted: with service tiers compared as one price, both are AMBIGUOUS.
it('of several providers of a model, the same price for a tier is imported though those without one differ', async () => {
  const flex = { input_cost_per_token_flex: 1e-6, output_cost_per_token_flex: 1e-6 };
  const tiered = await modelPricesJson(
    JSON.stringify({ 'a/m': entry('a', 2e-6, flex), 'b/m': entry('b', 3e-6, flex) }),
    unhurried,
  );
  const selection = { providers: [], models: [], providerNames: new Map<string, string>() };
  const { offers, skipped } = await selectPrices(
    tiered,
    { ...selection, scope: 'MODEL', keepsPrefix: false, includesFree: false },
    idFault,
    unhurried,
  );
  expect(offers.map(({ subject, serviceTier }) => [subject, serviceTier])).toEqual([['m', 'flex']]);
  expect(skipped.map(({ listed, reason }) => [listed.provider, reason])).toEqual([
    ['a', 'AMBIGUOUS'],
    ['b', 'AMBIGUOUS'],
  ]);
});

it('filters by provider and by the name that the price would have, and maps the names of providers', async () => {
  expect((await select({ models: ['gpt-*'] })).offered).toEqual(['azure:gpt-4o', 'openai:gpt-4o']);
  const named = new Map([
    ['azure', 'west'],
    ['vertex_ai-anthropic', 'vertex'],
  ]);
  expect((await select({ providerNames: named })).offered).toEqual([
    'openai:gpt-4o',
    'vertex:claude',
    'west:gpt-4o',
  ]);
  // Two providers under one name are rivals.
  const merged = await select({
    providerNames: new Map([['azure', 'openai']]),
    models: ['gpt-4o'],
  });
  expect(merged.offered).toEqual([]);
});

it('what is free is imported only if it is asked for, and what costs otherwise never', async () => {
  const { offered, skipped } = await select({ includesFree: true, providers: ['local', 'search'] });
  expect(offered).toEqual(['local:free']);
  expect(skipped).toEqual({ 'search/one': 'NO_PRICE' });
});

it('filters and names that nothing answers to are refused by name', async () => {
  const idle = { providers: ['openai', 'opanai'], models: ['gpt*', 'x*'] };
  await expect(select({ ...idle, providerNames: new Map([['azur', 'a']]) })).rejects.toThrow(
    expect.objectContaining({
      violations: [
        { field: 'providers[1]', description: 'is no provider of the list' },
        { field: 'models[1]', description: 'is no model of the list' },
        { field: 'provider_names', description: 'is no provider azur of the list' },
      ],
    }),
  );
});
