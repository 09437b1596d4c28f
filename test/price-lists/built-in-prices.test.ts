import { calcPrice, waitForUpdate } from '@pydantic/genai-prices';
import type { Provider } from '@pydantic/genai-prices';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { costOf } from '../../src/core/cost.ts';
import { builtInPrices } from '../../src/price-lists/built-in-prices.ts';
import { genaiPrices } from '../../src/price-lists/genai-prices.ts';
import { estimateOf, priceOf } from '../support/view.ts';

const nowMs = Date.parse('2026-03-10T09:00:00Z');
const list = await builtInPrices(nowMs);
const providers: readonly Provider[] = (await waitForUpdate()) ?? [];

describe('the built-in list', () => {
  it('says which version it is, and has the models that everybody calls', () => {
    expect(list.source).toMatch(/^@pydantic\/genai-prices \d+\.\d+\.\d+$/);
    const priced = list.models.filter(({ skipped }) => skipped === undefined);
    expect(priced.length).toBeGreaterThan(1_000);
    const names = priced.map(({ provider, model }) => `${provider}:${model}`);
    expect(names).toEqual(expect.arrayContaining(['openai:gpt-4o', 'anthropic:claude-sonnet-4-5']));
  });

  it('skips what it cannot price, and every skip has its ground', () => {
    const skips = list.models.flatMap(({ skipped }) => (skipped === undefined ? [] : [skipped]));
    const reasons = new Set(skips.map(({ reason }) => reason));
    expect(reasons).toEqual(new Set(['NO_PRICE', 'TIME_OF_DAY']));
    expect(skips.every(({ detail }) => detail !== '')).toBe(true);
  });

  // Planted: with the tiers' starts read as "at or above", long calls at the mark differ.
  it('costs what the package itself says that a call costs', () => {
    const priced = list.models.filter(({ skipped }) => skipped === undefined);
    const marks = [128_000, 199_999, 200_000, 271_999, 272_000, 512_000];
    const near = fc.constantFrom(...marks).chain((mark) => fc.constantFrom(mark, mark + 1));
    const call = fc.record({
      listed: fc.constantFrom(...priced),
      input: fc.oneof(fc.nat(1_000_000), near),
      cached: fc.nat(1000),
      output: fc.nat(100_000),
    });
    fc.assert(
      fc.property(call, ({ listed, input, cached: part, output }) => {
        const cached = Math.min(part, input);
        const provider = providers.find(({ id }) => id === listed.provider);
        const model = provider?.models.find(({ id }) => id === listed.model);
        const rates = listed.steps[0]?.rates;
        if (provider === undefined || model === undefined || rates === undefined) {
          throw new Error(`${listed.provider}:${listed.model} is not in the package`);
        }
        const usage = { input_tokens: input, cache_read_tokens: cached, output_tokens: output };
        // By its own name alone: patterns of other models may match it, too.
        const alone = { ...provider, models: [{ ...model, match: { equals: model.id } }] };
        const theirs = calcPrice(usage, model.id, { provider: alone, timestamp: new Date(nowMs) });
        const ours = costOf(
          priceOf({ subject: 'm', rates }),
          estimateOf({
            input: BigInt(input),
            cachedInput: BigInt(cached),
            output: BigInt(output),
            reasoningOutput: 0n,
          }),
        );
        expect(Math.abs(Number(ours) / 1e9 - (theirs?.total_price ?? NaN))).toBeLessThan(1e-8);
      }),
      { numRuns: 3_000 },
    );
  });
});

it('an hour that is no whole number of nano-USD a second is rounded, and says so', () => {
  const model = { id: 'm', match: { equals: 'm' }, prices: { audio_hours: 0.111 } };
  const provider: Provider = { id: 'p', name: '', api_pattern: '', models: [model] };
  expect(genaiPrices('test', [provider], nowMs).models[0]).toMatchObject({
    rounded: ['audio_hours'],
    steps: [{ rates: [{ input: 0n, units: [{ name: 'audio_second', rate: 30_833_333_333n }] }] }],
  });
});

describe('a price that changes with time', () => {
  const dated = (start: string, usd: number) => ({
    constraint: { type: 'start_date' as const, start_date: start },
    prices: { input_mtok: usd },
  });
  const read = (prices: Provider['models'][number]['prices'], at: string) =>
    genaiPrices(
      'test',
      [
        {
          id: 'p',
          name: '',
          api_pattern: '',
          models: [{ id: 'm', match: { equals: 'm' }, prices }],
        },
      ],
      Date.parse(at),
    ).models[0];
  const prices = [
    { prices: { input_mtok: 1 } },
    dated('2026-03-01', 2),
    dated('2026-04-01', 3),
    dated('2026-05-01', 4),
  ];
  const brief = (at: string) =>
    read(prices, at)?.steps.map(({ fromMs, rates }) => [
      fromMs === undefined ? 'now' : new Date(fromMs).toISOString().slice(0, 10),
      Number(rates[0]?.input) / 1e9,
    ]);

  it('is what holds now, and what is announced', () => {
    expect(brief('2026-02-28T23:59:59Z')).toEqual([
      ['now', 1],
      ['2026-03-01', 2],
      ['2026-04-01', 3],
      ['2026-05-01', 4],
    ]);
    expect(brief('2026-04-01T00:00:00Z')).toEqual([
      ['now', 3],
      ['2026-05-01', 4],
    ]);
    expect(brief('2027-01-01T00:00:00Z')).toEqual([['now', 4]]);
  });

  it('is not priced where the time of day decides', () => {
    const night = { type: 'time_of_date' as const, start_time: '00:00Z', end_time: '08:00Z' };
    const found = read(
      [{ prices: { input_mtok: 1 } }, { constraint: night, prices: { input_mtok: 2 } }],
      '2026-03-10T09:00:00Z',
    );
    expect(found).toMatchObject({ steps: [], skipped: { reason: 'TIME_OF_DAY' } });
  });
});

it('requests, reasoning, units and what has no place are read from their keys', () => {
  const prices = {
    requests_kcount: 5,
    output_mtok: 8,
    output_reasoning_mtok: 3,
    cache_write_1h_mtok: 6,
    web_searches_kcount: 10,
    audio_hours: 0.36,
    input_audio_mtok: 40,
    input_document_kpages: 0,
    input_text_messages_kcount: 1,
  };
  const model = { id: 'm', match: { equals: 'm' }, prices };
  const provider: Provider = { id: 'p', name: '', api_pattern: '', models: [model] };
  expect(genaiPrices('test', [provider], nowMs).models[0]).toMatchObject({
    leftOut: ['input_text_messages_kcount'],
    rounded: [],
    steps: [
      {
        rates: [
          {
            perRequest: 5_000_000n,
            output: 8_000_000_000n,
            reasoningOutput: 3_000_000_000n,
            cacheWrite1h: 6_000_000_000n,
            units: [
              { name: 'audio_second', rate: 100_000_000_000n },
              { name: 'input_audio_token', rate: 40_000_000_000n },
              { name: 'web_search', rate: 10_000_000_000_000n },
            ],
          },
        ],
      },
    ],
  });
});
