import type { Json } from '../support/admin-plane.ts';
import {
  changeCases,
  each,
  enums,
  ids,
  many,
  notStrings,
  orgCases,
  pageCases,
} from './wrong-values.ts';
import type { Case, Make } from './wrong-values.ts';

const entry = '{"gpt": {"litellm_provider": "acme", "input_cost_per_token": 1e-6}}';
const of: Make = (value) => ({
  orgId: 'acme',
  modelPricesJson: entry,
  validateOnly: true,
  ...(value as Json),
});
const patterns = (field: string, make: Make): Case[] => [
  ...each(`${field}[0]`, ['', 'x'.repeat(201), 'nobody', 'x*'], (pattern) => make([pattern])),
  ...each(`${field}[0]`, notStrings, (pattern) => make([pattern])),
  [field, make(many(101))],
];
const notTheForm = ['', '{', '[]', '7', 'null', '{"m": 1}', '{"m": []}', '\ufeff{}', '{"a": {},}'];

/** Wrong imports of price lists. */
export const priceImportCases: Case[] = [
  ...orgCases(of({})),
  ...changeCases({ orgId: 'acme', modelPricesJson: entry }),
  ...pageCases(of({})),
  ['source', { orgId: 'acme' }],
  ['page_token', { orgId: 'acme', modelPricesJson: entry, pageToken: 'abc' }],
  ...each('model_prices_json', [...notTheForm, ...notStrings], (text) =>
    of({ modelPricesJson: text }),
  ),
  ...each('built_in', [7, 'yes', []], (builtIn) => ({ orgId: 'acme', builtIn })),
  ['built_in.url', { orgId: 'acme', builtIn: { url: 'https://example.com' } }],
  ...each('scope', [...enums, 'PRICE_SCOPE_KEY'], (scope) => of({ scope })),
  ...patterns('providers', (providers) => of({ providers })),
  ...patterns('models', (models) => of({ models })),
  ...each('provider_names', [...ids, 'a:b', 7], (name) => of({ providerNames: { acme: name } })),
  ['provider_names', of({ providerNames: { nobody: 'somebody' } })],
  ['provider_names', of({ providerNames: Object.fromEntries(many(101).map((n) => [n, n])) })],
  ...each('keep_provider_prefix', ['yes', 1], (value) => of({ keepProviderPrefix: value })),
  ...each('include_free', ['yes', 1], (includeFree) => of({ includeFree })),
];
