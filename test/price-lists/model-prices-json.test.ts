import { describe, expect, it } from 'vitest';
import { ServiceError } from '../../src/platform/service-error.ts';
import { modelPricesJson } from '../../src/price-lists/model-prices-json.ts';
import type { ListedModel } from '../../src/price-lists/price-list.ts';
import { unhurried } from '../support/unhurried.ts';

/** Reads one entry, given as the JSON text of its members. */
async function entry(members: string, name = 'm'): Promise<ListedModel | undefined> {
  const text = `{"${name}": {"litellm_provider": "acme", "mode": "chat", ${members}}}`;
  const { models } = await modelPricesJson(text, unhurried);
  return models[0];
}

const rates = async (members: string) => (await entry(members))?.steps[0]?.rates;
const skipped = async (members: string) => (await entry(members))?.skipped;

describe('an entry', () => {
  it('is read to the last digit, part by part', async () => {
    const found = await entry(
      `"input_cost_per_token": 2.5e-06, "output_cost_per_token": 0.00001,
       "cache_read_input_token_cost": 2.5e-07, "cache_creation_input_token_cost": 3.125E-6,
       "output_cost_per_reasoning_token": 1.2e-05, "input_cost_per_request": 0.005,
       "max_input_tokens": 128000, "supports_vision": true`,
    );
    expect(found).toMatchObject({ provider: 'acme', model: 'm', leftOut: [], rounded: [] });
    expect(found?.steps).toEqual([
      {
        fromMs: undefined,
        rates: [
          {
            aboveInputTokens: 0n,
            input: 2_500_000_000n,
            output: 10_000_000_000n,
            cachedInput: 250_000_000n,
            cacheWrite: 3_125_000_000n,
            reasoningOutput: 12_000_000_000n,
            cacheWrite1h: undefined,
            perRequest: 5_000_000n,
            units: [],
          },
        ],
      },
    ]);
  });

  it('has a step wherever one of its prices changes with the length of input', async () => {
    const found = await rates(
      `"input_cost_per_token": 1e-6, "input_cost_per_token_above_128k_tokens": 2e-6,
       "output_cost_per_token": 3e-6, "output_cost_per_token_above_200k_tokens": 4e-6,
       "cache_read_input_token_cost": 1e-7, "input_cost_per_token_above_512000_tokens": 5e-6`,
    );
    const usd = (text: number): bigint => BigInt(text) * 100_000_000n;
    const brief = found?.map((rate) => [rate.aboveInputTokens, rate.input, rate.output]);
    expect(brief).toEqual([
      [0n, usd(10), usd(30)],
      [128_000n, usd(20), usd(30)],
      [200_000n, usd(20), usd(40)],
      [512_000n, usd(50), usd(40)],
    ]);
    expect(found?.map(({ cachedInput }) => cachedInput)).toEqual(
      [1n, 1n, 1n, 1n].map(() => usd(1)),
    );
  });

  it('may say its steps in a list, which then prices the input', async () => {
    const found = await rates(
      `"input_cost_per_token": 9e-6, "output_cost_per_token": 3e-6, "tiered_pricing": [
         {"range": [0, 2.56e5], "input_cost_per_token": 1e-6},
         {"range": [256000.0, 1000000], "input_cost_per_token": 2e-6}]`,
    );
    expect(found?.map((rate) => [rate.aboveInputTokens, rate.input, rate.output])).toEqual([
      [0n, 1_000_000_000n, 3_000_000_000n],
      [256_000n, 2_000_000_000n, 3_000_000_000n],
    ]);
  });

  it('names what has no place in a price, and what was rounded', async () => {
    const found = await entry(
      `"input_cost_per_token": 1.0000000000000001e-7, "output_cost_per_token": 5e-7,
       "input_cost_per_pixel": 1e-6, "search_context_cost_per_query": {"any": 0.01, "other": 0.02},
       "input_cost_per_character_batches": 5e-8, "output_cost_per_second": 0.0, "source": "a page"`,
    );
    expect(found?.rounded).toEqual(['input_cost_per_token']);
    expect(found?.leftOut).toEqual([
      'input_cost_per_pixel',
      'search_context_cost_per_query.any',
      'search_context_cost_per_query.other',
      'input_cost_per_character_batches',
    ]);
    expect(found?.steps[0]?.rates[0]?.input).toBe(100_000_000n);
  });

  it.each([
    ['"mode": "vector_store", "input_cost_per_token": 0.04', 'MODE', 'vector_store'],
    ['"mode": 7, "input_cost_per_token": 0.04', 'MODE', 'mode'],
    ['"input_cost_per_second": 0.0001', 'NO_PRICE', 'input_cost_per_second'],
    ['"cache_read_input_token_cost": 1e-7', 'NO_PRICE', 'no price'],
    ['"max_tokens": 5', 'NO_PRICE', 'no price'],
    ['"input_cost_per_token": 1e-6, "off_peak_pricing": {}', 'TIME_OF_DAY', 'off_peak_pricing'],
    ['"input_cost_per_token": -1e-6', 'INVALID', 'input_cost_per_token: -1e-6'],
    ['"input_cost_per_token": 1e-30', 'INVALID', 'input_cost_per_token: 1e-30'],
    ['"input_cost_per_token": 1e99', 'INVALID', 'input_cost_per_token: 1e99'],
    ['"input_cost_per_token": "1e-6"', 'INVALID', 'input_cost_per_token must be a number'],
    ['"input_cost_per_token": [1]', 'INVALID', 'input_cost_per_token must be a number'],
    [
      '"tiered_pricing": [{"input_cost_per_token": 1e-6}]',
      'INVALID',
      'tiered_pricing[0].range must begin with a whole number',
    ],
    [
      `"tiered_pricing": [{"range": [0, 1], "input_cost_per_token": 1e-6},
        {"range": [1, 2], "output_cost_per_token": 1e-6}]`,
      'INVALID',
      'tiered_pricing: its steps do not price the same parts',
    ],
  ])('with %s is skipped: %s', async (members, reason, detail) => {
    expect(await skipped(members)).toEqual({ reason, detail });
  });

  const unitsOf = async (members: string) =>
    Object.fromEntries(
      (await rates(members))?.[0]?.units.map(({ name, rate }) => [name, rate]) ?? [],
    );
  const usdEach = 1_000_000_000_000_000n;

  it('has units with rates of their own, each by its name', async () => {
    expect(
      await unitsOf(
        `"input_cost_per_token": 1e-6, "input_cost_per_image": 0.001, "output_cost_per_image": 0.04,
         "input_cost_per_audio_token": 1e-7, "input_cost_per_audio_per_second": 1.5e-4,
         "file_search_cost_per_1k_calls": 2.5, "output_cost_per_video_per_second": 0.5,
         "input_cost_per_query": 0.0, "search_context_cost_per_query":
           {"search_context_size_low": 0.03, "search_context_size_medium": 0.035}`,
      ),
    ).toEqual({
      input_image: usdEach / 1000n,
      image: usdEach / 25n,
      input_audio_token: usdEach / 10_000_000n,
      audio_second: (usdEach * 15n) / 100_000n,
      file_search: usdEach / 400n,
      video_second: usdEach / 2n,
      web_search_low: (usdEach * 3n) / 100n,
      web_search_medium: (usdEach * 35n) / 1000n,
    });
  });

  it('has one rate for searches of every size, if the list has', async () => {
    const searches = (sizes: string) =>
      unitsOf(`"input_cost_per_token": 1e-6, "search_context_cost_per_query": {${sizes}}`);
    const [low, high] = ['"search_context_size_low": 0.5', '"search_context_size_high": 0.5'];
    expect(await searches(`${low}, ${high}`)).toEqual({ web_search: usdEach / 2n });
    expect(await searches(`${low}, "search_context_size_high": null`)).toEqual({
      web_search: usdEach / 2n,
    });
    expect(await searches(`${low}, "search_context_size_high": 0.0`)).toEqual({
      web_search_low: usdEach / 2n,
    });
    expect(await searches('')).toEqual({});
    expect(await searches('"constructor": 1.0, "__proto__": 1.0')).toEqual({});
  });

  // Planted: without the modes, an image that is made and one that is read have one name.
  it('means by some keys what its kind of calls means', async () => {
    const image = '"input_cost_per_image": 0.04';
    expect(await unitsOf(`${image}, "mode": "image_generation"`)).toEqual({ image: usdEach / 25n });
    expect(await unitsOf(image)).toEqual({ input_image: usdEach / 25n });
    const speech = '"mode": "audio_speech", "input_cost_per_character": 0.5';
    expect(await unitsOf(speech)).toEqual({ character: usdEach / 2n });
    expect((await skipped('"input_cost_per_character": 0.5'))?.reason).toBe('NO_PRICE');
  });

  it('of two keys for one unit takes the dearer', async () => {
    const seconds = '"input_cost_per_second": 0.5, "input_cost_per_audio_per_second": 0.25';
    expect(await unitsOf(`"mode": "audio_transcription", ${seconds}`)).toEqual({
      audio_second: usdEach / 2n,
    });
  });

  /** Service tier, input, output and cache writes of an hour of each price, in nano-USD a token. */
  const tiersOf = async (members: string) => {
    const text = `{"m": {"litellm_provider": "acme", ${members}}}`;
    const { models } = await modelPricesJson(text, unhurried);
    return models.map(({ serviceTier, steps: [one], leftOut }) => [
      serviceTier,
      one?.rates.map((rate) =>
        [rate.input, rate.output, rate.cacheWrite1h].map((n) => Number(n) / 1e6),
      ),
      leftOut,
    ]);
  };

  // Planted: with the tier's own numbers alone, its output costs nothing.
  it('has a price for each service tier, which costs what it does without one where the list says nothing', async () => {
    expect(
      await tiersOf(
        `"input_cost_per_token": 2e-6, "output_cost_per_token": 8e-6,
         "cache_creation_input_token_cost_above_1hr": 4e-6,
         "input_cost_per_token_above_200k_tokens": 3e-6,
         "input_cost_per_token_flex": 1e-6, "output_cost_per_token_flex": 4e-6,
         "input_cost_per_token_priority": 5e-6, "input_cost_per_token_above_200k_tokens_priority": 6e-6,
         "output_cost_per_token_batches": 3e-6, "input_cost_per_pixel_batches": 1e-9`,
      ),
    ).toEqual([
      [
        undefined,
        [
          [2000, 8000, 4000],
          [3000, 8000, 4000],
        ],
        [],
      ],
      [
        'flex',
        [
          [1000, 4000, 4000],
          [3000, 4000, 4000],
        ],
        [],
      ],
      [
        'priority',
        [
          [5000, 8000, 4000],
          [6000, 8000, 4000],
        ],
        [],
      ],
      [
        'batch',
        [
          [2000, 3000, 4000],
          [3000, 3000, 4000],
        ],
        ['input_cost_per_pixel_batches'],
      ],
    ]);
  });

  it('has no price for a service tier of which a list says 0, or beside steps in a list', async () => {
    expect(
      await tiersOf('"input_cost_per_token": 2e-6, "input_cost_per_token_flex": 0.0'),
    ).toMatchObject([[undefined, [[2000, 0, NaN]], []]]);
    expect(
      await tiersOf(
        `"input_cost_per_token_flex": 1e-6,
         "tiered_pricing": [{"range": [0, 9], "input_cost_per_token": 1e-6}]`,
      ),
    ).toMatchObject([[undefined, [[1000, 0, NaN]], ['input_cost_per_token_flex']]]);
  });

  // Planted: without a bound, the answer repeats all of it.
  it('names at most twenty parts that are left out, and no long name in full', async () => {
    const many = Array.from({ length: 30 }, (_, index) => `"price_${index}_${'x'.repeat(500)}": 1`);
    const found = await entry(`"input_cost_per_token": 1e-6, ${many.join(', ')}`);
    expect(found?.leftOut).toHaveLength(21);
    expect(found?.leftOut.at(-1)).toBe('and 10 more');
    expect(Math.max(...(found?.leftOut ?? []).map(({ length }) => length))).toBe(100);
  });

  it('with more steps than a revision has is skipped', async () => {
    const steps = [1, 2, 3, 4, 5, 6, 7, 8].map(
      (k) => `"input_cost_per_token_above_${k}k_tokens": ${k}e-6`,
    );
    const members = ['"input_cost_per_token": 1e-7', ...steps].join(', ');
    expect((await skipped(members))?.reason).toBe('INVALID');
  });

  it('that explains the form is no model, and odd names are only names', async () => {
    const text = `{"sample_spec": {"mode": "one of: chat"}, "__proto__": {"input_cost_per_token": 1e-6},
      "constructor": {"hasOwnProperty": 1, "input_cost_per_token": 2e-6}}`;
    const { models, source } = await modelPricesJson(text, unhurried);
    expect(models.map(({ model }) => model)).toEqual(['__proto__', 'constructor']);
    expect(source).toMatch(/^sha256:[0-9a-f]{64}$/);
  });
});

it.each([
  ['', 'is not JSON'],
  ['{"m": {', 'is not JSON'],
  ['[]', 'the text must be an object'],
  ['7', 'the text must be an object'],
  ['null', 'the text must be an object'],
  ['{"m": 1}', '"m" must be an object'],
  ['{"m": {}, "n": []}', '"n" must be an object'],
  ['{"m": {}, }', 'is not JSON'],
  ['{"m": {} "n": {}}', 'is not JSON'],
  ['{"m": {}} {}', 'is not JSON'],
  ['{"m": {"a": 1 2}}', 'is not JSON'],
  ['{"m": }', 'is not JSON'],
  ['{"m" {}}', 'is not JSON'],
  ['{"m": {]}', 'is not JSON'],
  ['{"m\\x": {}}', 'is not JSON'],
  [`{"${'m'.repeat(257)}": {}}`, 'must have at most 256 characters'],
  [`{"m": {"a": "${'x'.repeat(33_000)}"}}`, 'must have at most 32768 characters'],
])('the text %s is FIELD_INVALID', async (text, description) => {
  const read = (): Promise<unknown> => modelPricesJson(text, unhurried);
  await expect(read()).rejects.toThrow(ServiceError);
  await expect(read()).rejects.toThrow(description);
  await expect(read()).rejects.toThrow('model_prices_json');
});
