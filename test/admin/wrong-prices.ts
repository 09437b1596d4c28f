import type { Json } from '../support/admin-plane.ts';

import { tooMuch, usd } from './wrong-policies.ts';
import { ids, times, enums, each, changeCases, orgCases } from './wrong-values.ts';
import type { Case, Make } from './wrong-values.ts';

/** Wrong service tiers. */
export const serviceTiers = ['', 'Flex', 'a b', 'flex\n', 'ü', 'x'.repeat(65)];

const rates = { input: '1', output: '2' };
const price: Make = (value) => ({
  orgId: 'acme',
  prices: [
    {
      scope: 'PRICE_SCOPE_MODEL',
      subject: 'm',
      unit: 'PRICE_UNIT_PER_1M_TOKENS',
      rates: [rates],
      ...(value as Json),
    },
  ],
});
const rate: Make = (value) => price({ rates: [{ ...rates, ...(value as Json) }] });
const money = [...usd.filter((text) => text !== ''), ...tooMuch, 5];
/** A unit may cost parts of a nano-dollar. */
const unitMoney = [...usd, ...tooMuch, '0.0000000000000001'].filter(
  (text) => text !== '0.0000000001',
);
const unitNames = ['', 'Image', '1image', '_image', 'image hd', 'bild\u00e4', 'i'.repeat(65)];
const manyUnits = (count: number): Json =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`unit${index}`, '1']));
/** Wrong prices. */
export const priceCases: Case[] = [
  ...orgCases(price({})),
  ...changeCases(price({})),
  ['prices', { orgId: 'acme' }],
  ...each('prices[0].scope', [...enums, 'PRICE_SCOPE_UNSPECIFIED'], (scope) => price({ scope })),
  ...each('prices[0].subject', ids, (subject) => price({ subject })),
  ...each('prices[0].subject', ['k1', 'key:', 'user:k1'], (subject) =>
    price({ scope: 'PRICE_SCOPE_KEY', subject }),
  ),
  ...each('prices[0].subject', ['gpt', 'openai:', ':gpt'], (subject) =>
    price({ scope: 'PRICE_SCOPE_PROVIDER_MODEL', subject }),
  ),
  ...each('prices[0].service_tier', serviceTiers, (serviceTier) => price({ serviceTier })),
  ...each('prices[0].unit', [...enums, 'PRICE_UNIT_UNSPECIFIED'], (unit) => price({ unit })),
  ...each('prices[0].effective_time', times, (effectiveTime) => price({ effectiveTime })),
  ['prices[0].rates', price({ rates: [] })],
  ...each('prices[0].rates[0].input', money, (input) => rate({ input })),
  ...each('prices[0].rates[0].output', money, (output) => rate({ output })),
  ...each('prices[0].rates[0].cached_input', money, (value) => rate({ cachedInput: value })),
  ...each('prices[0].rates[0].cache_write', money, (cacheWrite) => rate({ cacheWrite })),
  ...each('prices[0].rates[0].reasoning_output', money, (value) =>
    rate({ reasoningOutput: value }),
  ),
  ...each('prices[0].rates[0].per_request', money, (perRequest) => rate({ perRequest })),
  ...each('prices[0].rates[0].cache_write_1h', money, (cacheWrite1h) => rate({ cacheWrite1h })),
  ...each('prices[0].rates[0].units[image]', unitMoney, (image) => rate({ units: { image } })),
  ...each('prices[0].rates[0].units', unitNames, (name) =>
    rate({ units: { [String(name)]: '1' } }),
  ),
  ['prices[0].rates[0].units', rate({ units: manyUnits(33) })],
  ['prices[0].rates[0].units', rate({ units: { image: 5 } })],
  ['prices[0].rates[0].above_input_tokens', rate({ aboveInputTokens: 1 })],
  ['prices[0].rates[1].above_input_tokens', price({ rates: [rates, rates] })],
];
