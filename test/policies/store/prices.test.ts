import { expect, test } from 'vitest';
import type { PriceSeries } from '../../../src/core/catalog.ts';
import { change, price, startMs } from '../builders.ts';
import { useFreshStore } from '../fresh-store.ts';

const fresh = useFreshStore();

const series: PriceSeries = { scope: 'MODEL', subject: 'gpt', serviceTier: undefined };
const flex: PriceSeries = { ...series, serviceTier: 'flex' };
const announced = { ...price('MODEL', 'gpt', 3n), effectiveAtMs: startMs + 1 };

/** Revision and the epoch of its end, of the prices whose scope and subject contain a text. */
async function ends(contains = 'MODEL gpt'): Promise<(readonly [number, number | undefined])[]> {
  const { items } = await fresh.store.listPrices(
    fresh.org,
    {},
    {
      size: 10,
      token: undefined,
      contains,
    },
  );
  return items.map(({ price: { revision, revokedEpoch } }) => [revision, revokedEpoch]);
}

const revoke = (of: PriceSeries, revision: number) =>
  fresh.store.revokePrice(fresh.org, of, revision, { ...change, reason: 'wrong' });

test('prices are numbered by scope, subject and service tier', async () => {
  const first = [price('MODEL', 'gpt'), price('KEY', 'gpt'), price('MODEL', 'gpt', 1n, 'flex')];
  await fresh.store.appendPrices(fresh.org, first, change);
  const exact = price('MODEL', 'gpt', 9_007_199_254_740_993n);
  const second = [exact, announced, price('MODEL', 'gpt', 1n, 'flex')];
  const stored = await fresh.store.appendPrices(fresh.org, second, change);
  expect(stored.map(({ price: { serviceTier, revision } }) => [serviceTier, revision])).toEqual([
    [undefined, 2],
    [undefined, 3],
    ['flex', 2],
  ]);
  expect(stored[0]?.price).toMatchObject({ epoch: 3 });
  expect(stored[0]?.price.rates[0]?.input).toBe(9_007_199_254_740_993n);
});

// Planted: without the revisions that it replaced, the first of them comes back.
test('with the price in force end those that it replaced, and none that is still to come', async () => {
  const prices = [price('MODEL', 'gpt', 1n), price('MODEL', 'gpt', 2n), announced];
  await fresh.store.appendPrices(fresh.org, prices, change);
  expect(await revoke(series, 2)).toMatchObject({
    price: { price: { revision: 2, revokedEpoch: 3 }, revokedReason: 'wrong', revokedBy: 'tester' },
    inForce: undefined,
  });
  expect(await ends()).toEqual([
    [1, 3],
    [2, 3],
    [3, undefined],
  ]);
});

// Planted: with every revision ended that is effective, whatever was named, 1 and 2 end too.
test('a price that is to come, or was replaced, ends alone', async () => {
  const prices = [price('MODEL', 'gpt', 1n), price('MODEL', 'gpt', 2n), announced];
  await fresh.store.appendPrices(fresh.org, prices, change);
  const inForce = { price: { revision: 2, revokedEpoch: undefined } };
  expect(await revoke(series, 3)).toMatchObject({ price: { price: { revision: 3 } }, inForce });
  expect(await revoke(series, 1)).toMatchObject({ price: { price: { revision: 1 } }, inForce });
  expect(await ends()).toEqual([
    [1, 4],
    [2, undefined],
    [3, 3],
  ]);
});

// Planted: with a second end written over the first, the epoch and the reason are those of the second.
test('a price that has ended is answered as it ended, with what is in force now', async () => {
  await fresh.store.appendPrices(fresh.org, [price('MODEL', 'gpt', 1n)], change);
  await revoke(series, 1);
  await fresh.store.appendPrices(fresh.org, [price('MODEL', 'gpt', 5n)], change);
  const again = await fresh.store.revokePrice(fresh.org, series, 1, { ...change, reason: 'again' });
  expect(again).toMatchObject({
    price: { price: { revision: 1, revokedEpoch: 3 }, revokedReason: 'wrong' },
    inForce: { price: { revision: 2 } },
  });
  // Nothing was changed: the next change makes the next epoch.
  await revoke(series, 2);
  expect((await ends())[1]).toEqual([2, 5]);
});

test('what is in force in the place of a price is the next less specific one', async () => {
  const at = (scope: 'MODEL' | 'PROVIDER_MODEL', serviceTier: string | undefined): PriceSeries => ({
    scope,
    subject: scope === 'MODEL' ? 'a:b' : 'openai:a:b',
    serviceTier,
  });
  const all = [
    at('PROVIDER_MODEL', 'flex'),
    at('PROVIDER_MODEL', undefined),
    at('MODEL', 'flex'),
    at('MODEL', undefined),
  ];
  const prices = all.map((one) => ({ ...price(one.scope, one.subject), ...one }));
  await fresh.store.appendPrices(fresh.org, prices, change);
  const places = [all[1], all[3], all[3], undefined];
  for (const [index, one] of all.entries()) {
    const { inForce } = await revoke(one, 1);
    const next = places[index];
    if (next === undefined) expect(inForce).toBeUndefined();
    else expect(inForce?.price).toMatchObject(next);
  }
});

test('of the price of a key it says no more than that of the key', async () => {
  const key: PriceSeries = { scope: 'KEY', subject: 'key:openai:prod', serviceTier: 'flex' };
  const plain = { ...key, serviceTier: undefined };
  const prices = [key, plain].map((one) => ({ ...price('KEY', one.subject), ...one }));
  await fresh.store.appendPrices(fresh.org, [...prices, price('MODEL', 'prod')], change);
  expect((await revoke(key, 1)).inForce?.price).toMatchObject({ subject: 'key:openai:prod' });
  expect((await revoke(plain, 1)).inForce).toBeUndefined();
});

test('a revision that is not there is not found', async () => {
  await fresh.store.appendPrices(fresh.org, [price('MODEL', 'gpt', 1n)], change);
  for (const [of, revision] of [[series, 2] as const, [flex, 1] as const]) {
    await expect(revoke(of, revision)).rejects.toMatchObject({
      kind: 'NOT_FOUND',
      reason: 'PRICE_NOT_FOUND',
    });
  }
});
