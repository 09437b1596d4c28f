import { array, assert, constantFrom, integer, option, property, record } from 'fast-check';
import type { Arbitrary } from 'fast-check';
import { expect, test } from 'vitest';
import { resolvePath } from '../../src/core/path.ts';
import { priceUsage } from '../../src/core/price.ts';
import { targetFacts } from '../../src/core/target.ts';
import type { ReferencePrice } from '../support/reference-price.ts';
import { referencePrice } from '../support/reference-price.ts';
import { callOf, estimateOf, viewOf } from '../support/view.ts';
import type { Said, SaidCall, SaidPrice } from '../support/view.ts';

const maybe = <T>(...values: T[]) => option(constantFrom(...values), { nil: undefined });
const models = ['m', 'n:1'] as const;
const providers = ['openai', 'azure'] as const;
const tiers = ['flex', 'batch'] as const;
const scoped = constantFrom(
  ...['a', 'b'].map((key) => ({ scope: 'KEY' as const, subject: `key:${key}` })),
  ...providers.flatMap((provider) =>
    models.map((model) => ({ scope: 'PROVIDER_MODEL' as const, subject: `${provider}:${model}` })),
  ),
  ...models.map((model) => ({ scope: 'MODEL' as const, subject: model })),
);
const price = record({
  of: scoped,
  serviceTier: maybe(...tiers),
  effectiveAtMs: integer({ min: 0, max: 4 }),
  epoch: integer({ min: 1, max: 4 }),
  revokedAfter: option(integer({ min: 1, max: 3 }), { nil: undefined }),
  input: integer({ min: 1, max: 9 }),
});
const call = record({
  key: maybe('a', 'b'),
  credential: maybe('a', 'b'),
  provider: maybe(...providers, 'nobody'),
  serviceTier: maybe(...tiers, 'priority'),
  target: constantFrom(...models, 'both', 'unheard-of'),
});

type Drawn = typeof price extends Arbitrary<infer T> ? T : never;

/** Prices as revisions of their series, each with its place among them. */
function revisionsOf(drawn: readonly Drawn[]): SaidPrice[] {
  const last = new Map<string, number>();
  return drawn.map(({ of, serviceTier, revokedAfter, input, ...times }) => {
    const series = `${of.scope} ${of.subject} ${serviceTier}`;
    const revision = (last.get(series) ?? 0) + 1;
    last.set(series, revision);
    const revokedEpoch = revokedAfter === undefined ? undefined : times.epoch + revokedAfter;
    const rates = [{ input: BigInt(input) * 1_000_000n }];
    return { ...of, ...times, serviceTier, revision, revokedEpoch, rates };
  });
}

const costOf = (found: ReferencePrice | undefined): bigint =>
  (found?.price.rates?.[0]?.input ?? 0n) / 1_000_000n;
const nameOf = ({ price, isPlatform }: ReferencePrice): string => {
  const { scope, subject, serviceTier, revision } = price;
  return [isPlatform ? 'PLATFORM' : undefined, scope, subject, serviceTier, revision]
    .filter((part) => part !== undefined)
    .join(' ');
};

// Planted, and seen red each: the tier before the scope, the catalog's provider although the call names one, older
// revisions before newer ones, platform prices before own ones of a less specific scope, a price in force at the instant after its own, a route group at its first member.
test('a call is priced as the plainest reading of the rules says', () => {
  const drawn = {
    prices: array(price, { maxLength: 8, size: 'max' }),
    ofPlatform: array(price, { maxLength: 8, size: 'max' }).map((all) =>
      all.filter(({ of }) => of.scope !== 'KEY'),
    ),
    catalog: constantFrom('INHERIT' as const, 'INHERIT' as const, 'OWN' as const),
    call,
  };
  const at = {
    epoch: integer({ min: 1, max: 7 }),
    platformEpoch: integer({ min: 1, max: 7 }),
    atMs: integer({ min: 0, max: 4 }),
  };
  assert(
    property(
      record({ ...drawn, ...at }),
      ({ prices, ofPlatform, catalog, call: { key, credential, ...rest }, ...when }) => {
        const said: Said = {
          keys: [{ id: 'a' }, { id: 'b' }],
          models: [{ id: 'm', provider: 'openai' }, { id: 'n:1' }],
          routeGroups: [{ id: 'both', members: [...models] }],
          prices: revisionsOf(prices),
          organization: { catalog },
          platform: { epoch: 9, prices: revisionsOf(ofPlatform) },
        };
        const epochs = { own: when.epoch, platform: catalog === 'OWN' ? 0 : when.platformEpoch };
        const at = { ...when, platformEpoch: epochs.platform };
        const asked: SaidCall = {
          ...rest,
          ...(key !== undefined && { key }),
          ...(credential !== undefined && { credential: { kind: 'key', id: credential } }),
        };
        const view = viewOf(said);
        const request = callOf(asked);
        const { path } = resolvePath(view, request, 0);
        const target = targetFacts(view, request.target);
        const priced = priceUsage(
          view,
          { path, target, served: request.served },
          estimateOf({ input: 1n }),
          epochs,
          when.atMs,
        );
        const keys = [...new Set([credential, key].filter((id) => id !== undefined))];
        const members = request.target === 'both' ? models : [request.target];
        const found = members.map((member) => referencePrice(said, asked, keys, member, at));
        const [first, second] = found;
        if (found.includes(undefined)) {
          expect(priced).toMatchObject({ unpriced: true, cost: 0n, priceRevision: undefined });
          return;
        }
        const dearest = costOf(second) > costOf(first) ? second : first;
        expect(priced).toMatchObject({
          unpriced: false,
          cost: costOf(dearest),
          priceRevision: dearest && nameOf(dearest),
        });
      },
    ),
    { numRuns: 5_000 },
  );
});
