import { describe, expect, it } from 'vitest';
import { resolvePath } from '../../src/core/path.ts';
import type { OrganizationView } from '../../src/core/organization-view.ts';
import { priceFor, priceUsage } from '../../src/core/price.ts';
import type { PricedCall } from '../../src/core/price.ts';
import { targetFacts } from '../../src/core/target.ts';
import { callOf, estimateOf, viewOf } from '../support/view.ts';
import type { Said, SaidCall, SaidPrice } from '../support/view.ts';

const pricedCall = (view: OrganizationView, target: string, call: SaidCall = {}): PricedCall => ({
  path: resolvePath(view, callOf(call), 0).path,
  target: targetFacts(view, target),
  served: callOf(call).served,
});

const epochs = { own: 9, platform: 0 };
const flat = (said: SaidPrice, input: bigint): SaidPrice => ({ ...said, rates: [{ input }] });

describe('the price in force', () => {
  const of = {
    keys: ['openai:prod', 'other'],
    provider: 'ollama',
    model: 'gemma4:e2b',
    serviceTier: undefined as string | undefined,
  };
  const byKey = flat({ scope: 'KEY', subject: 'key:openai:prod' }, 1n);
  const byProvider = flat({ scope: 'PROVIDER_MODEL', subject: 'ollama:gemma4:e2b' }, 2n);
  const byModel = flat({ subject: 'gemma4:e2b' }, 3n);
  const found = (prices: readonly SaidPrice[], epoch = 9, atMs = 9, who = of) =>
    priceFor(viewOf({ prices }), who, { own: epoch, platform: 0 }, atMs)?.price.rates[0]?.input;

  it('is that of a key, then of the provider’s model, then of the model', () => {
    expect(found([byModel, byProvider, byKey])).toBe(1n);
    expect(found([byModel, byProvider])).toBe(2n);
    expect(found([byModel])).toBe(3n);
    expect(found([])).toBeUndefined();
    expect(found([byProvider], 9, 9, { ...of, provider: '' })).toBeUndefined();
  });

  it('of two keys is that of the first that has one', () => {
    const ofOther = flat({ scope: 'KEY', subject: 'key:other' }, 4n);
    expect(found([byKey, ofOther])).toBe(1n);
    expect(found([ofOther, byModel])).toBe(4n);
  });

  // Planted: with the tier looked for in all scopes before a price without one, a key's usual price loses.
  it('is for the service tier, but in each scope before the next', () => {
    const flex = (price: SaidPrice, input: bigint): SaidPrice => ({
      ...flat(price, input),
      serviceTier: 'flex',
    });
    const asked = { ...of, serviceTier: 'flex' };
    const all = [byKey, byProvider, byModel, flex(byModel, 30n)];
    expect(found(all, 9, 9, asked)).toBe(1n);
    expect(found([...all, flex(byKey, 10n)], 9, 9, asked)).toBe(10n);
    expect(found([byProvider, byModel, flex(byModel, 30n)], 9, 9, asked)).toBe(2n);
    expect(found([byModel, flex(byModel, 30n)], 9, 9, asked)).toBe(30n);
    expect(found([byModel, flex(byModel, 30n)], 9, 9, { ...of, serviceTier: 'batch' })).toBe(3n);
    expect(found([byModel, flex(byModel, 30n)])).toBe(3n);
    expect(found([flex(byModel, 30n)])).toBeUndefined();
    const ended = { ...flex(byModel, 30n), revokedEpoch: 4 };
    expect(found([byModel, ended], 3, 9, asked)).toBe(30n);
    expect(found([byModel, ended], 4, 9, asked)).toBe(3n);
  });

  it('waits for its epoch and for its effective date', () => {
    const next = { ...flat(byModel, 5n), revision: 2, epoch: 4, effectiveAtMs: 100 };
    expect(found([byModel, next], 3, 100)).toBe(3n);
    expect(found([byModel, next], 4, 99)).toBe(3n);
    expect(found([byModel, next], 4, 100)).toBe(5n);
  });

  it('of two effective at once is the later revision', () => {
    const next = { ...flat(byModel, 5n), revision: 2 };
    expect(found([byModel, next])).toBe(5n);
    expect(found([next, byModel])).toBe(5n);
  });

  it('of two effective one after the other is the one effective later, whichever was appended first', () => {
    const postDated = { ...flat(byModel, 5n), effectiveAtMs: 5 };
    const later = { ...flat(byModel, 6n), revision: 2, effectiveAtMs: 3 };
    expect(found([postDated, later])).toBe(5n);
    expect(found([later, postDated])).toBe(5n);
    expect(found([postDated, later], 9, 4)).toBe(6n);
  });

  it('ends with its revocation, as those that it replaced do', () => {
    const next = { ...flat(byModel, 5n), revision: 2, epoch: 2, revokedEpoch: 4 };
    const replaced = { ...byModel, revokedEpoch: 4 };
    expect(found([replaced, next], 3)).toBe(5n);
    expect(found([replaced, next], 4)).toBeUndefined();
    const revokedKey = { ...byKey, revokedEpoch: 4 };
    expect(found([revokedKey, byModel], 4)).toBe(3n);
  });

  // Seen red where a revocation ended every price of before, as it once did: nothing was in force at 100.
  it('goes on when one that was to replace it is revoked before its time', () => {
    const next = { ...flat(byModel, 5n), revision: 2, epoch: 2, effectiveAtMs: 100 };
    const revoked = { ...next, revokedEpoch: 4 };
    expect(found([byModel, next], 4, 100)).toBe(5n);
    expect(found([byModel, revoked], 3, 100)).toBe(5n);
    expect(found([byModel, revoked], 4, 100)).toBe(3n);
  });

  it('begins again with what is appended after a revocation, though it be dated back', () => {
    const revoked = { ...byModel, effectiveAtMs: 5, revokedEpoch: 3 };
    const again = { ...flat(byModel, 6n), revision: 2, epoch: 4, effectiveAtMs: 2 };
    expect(found([revoked, again], 4)).toBe(6n);
    expect(found([revoked, again], 3)).toBeUndefined();
  });
});

describe('priced usage', () => {
  const world: Said = {
    keys: [{ id: 'k1' }],
    models: [
      { id: 'gpt-4o', provider: 'openai' },
      { id: 'gpt-4o-mini' },
      { id: 'local' },
      { id: 'new' },
    ],
    routeGroups: [
      { id: 'chat', members: ['gpt-4o-mini', 'gpt-4o'] },
      { id: 'dear-first', members: ['gpt-4o', 'gpt-4o-mini'] },
      { id: 'cheap', members: ['local', 'gpt-4o-mini'] },
      { id: 'free', members: ['local'] },
      { id: 'mixed', members: ['gpt-4o', 'new'] },
      { id: 'none', members: [] },
    ],
    prices: [
      { ...flat({ subject: 'gpt-4o' }, 3_000_000n), revision: 7 },
      flat({ subject: 'gpt-4o-mini' }, 1_000_000n),
      { subject: 'local' },
      flat({ scope: 'KEY', subject: 'key:k1' }, 2_000_000n),
    ],
  };
  const view = viewOf(world);
  const priced = (target: string, call: SaidCall = {}, usage = estimateOf({ input: 10n })) =>
    priceUsage(view, pricedCall(view, target, call), usage, epochs, 9);

  it('names the revision it was priced with', () => {
    expect(priced('gpt-4o')).toEqual({
      cost: 30n,
      priceRevision: 'MODEL gpt-4o 7',
      unpriced: false,
      free: false,
    });
    expect(priced('gpt-4o', { key: 'k1' }).priceRevision).toBe('KEY key:k1 1');
  });

  it('is that of the provider that the call names, in place of the catalog’s', () => {
    const other = viewOf({
      models: [{ id: 'm', provider: 'openai' }],
      routeGroups: [{ id: 'group', members: ['m', 'n'] }],
      prices: [
        flat({ subject: 'm' }, 1_000_000n),
        flat({ subject: 'n' }, 1_000_000n),
        flat({ scope: 'PROVIDER_MODEL', subject: 'openai:m' }, 2_000_000n),
        flat({ scope: 'PROVIDER_MODEL', subject: 'azure:m' }, 3_000_000n),
        flat({ scope: 'PROVIDER_MODEL', subject: 'azure:n' }, 4_000_000n),
      ],
    });
    const costs = (target: string) =>
      [undefined, 'azure', 'nobody'].map((provider) => {
        const call = pricedCall(other, target, provider === undefined ? {} : { provider });
        return priceUsage(other, call, estimateOf({ input: 10n }), epochs, 9).cost;
      });
    expect(costs('m')).toEqual([20n, 30n, 10n]);
    expect(costs('group')).toEqual([20n, 40n, 10n]);
  });

  it('names its service tier where it has one', () => {
    const prices = [{ subject: 'm', serviceTier: 'flex', revision: 3 }];
    const other = viewOf({ prices });
    const call = pricedCall(other, 'm', { serviceTier: 'flex' });
    const { priceRevision } = priceUsage(other, call, estimateOf({}), epochs, 9);
    expect(priceRevision).toBe('MODEL m flex 3');
  });

  it('is what the caller says, if it says anything', () => {
    expect(priced('gpt-4o', {}, estimateOf({ input: 10n, cost: 5n }))).toEqual({
      cost: 5n,
      priceRevision: undefined,
      unpriced: false,
      free: false,
    });
    expect(priced('gpt-4o', {}, estimateOf({ cost: 0n }))).toMatchObject({ cost: 0n, free: true });
  });

  it('is free only where a price is zero in all its parts', () => {
    expect(priced('local')).toMatchObject({ cost: 0n, free: true, unpriced: false });
    expect(priced('gpt-4o', {}, estimateOf({}))).toMatchObject({ cost: 0n, free: false });
    const parts = ['input', 'output', 'cachedInput', 'cacheWrite', 'cacheWrite1h', 'perRequest'];
    const units = { units: [{ name: 'image', rate: 1n }] };
    for (const rates of [...parts.map((part) => ({ [part]: 1n })), units]) {
      const other = viewOf({ prices: [{ subject: 'm', rates: [rates] }] });
      const { free } = priceUsage(other, pricedCall(other, 'm'), estimateOf({}), epochs, 9);
      expect(free).toBe(false);
    }
  });

  it('of a route group is that of its dearest member, free only if all are', () => {
    expect(priced('chat')).toMatchObject({ cost: 30n, priceRevision: 'MODEL gpt-4o 7' });
    expect(priced('dear-first')).toMatchObject({ cost: 30n, priceRevision: 'MODEL gpt-4o 7' });
    expect(priced('cheap')).toMatchObject({ cost: 10n, free: false });
    expect(priced('cheap', {}, estimateOf({}))).toMatchObject({ cost: 0n, free: false });
    expect(priced('free')).toMatchObject({ cost: 0n, free: true });
  });

  it('is missing where the target, any member, or all members are', () => {
    for (const target of ['new', 'unheard-of', 'mixed', 'none']) {
      expect(priced(target)).toEqual({
        cost: 0n,
        priceRevision: undefined,
        unpriced: true,
        free: false,
      });
    }
    expect(priced('mixed', { key: 'k1' })).toMatchObject({ cost: 20n, unpriced: false });
  });
});
