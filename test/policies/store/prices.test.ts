import { expect, test } from 'vitest';
import { change, price, startMs } from '../builders.ts';
import { useFreshStore } from '../fresh-store.ts';

const fresh = useFreshStore();

test('prices are numbered by scope and subject, and revoking ends all that are in force', async () => {
  await fresh.store.appendPrices(fresh.org, [price('MODEL', 'gpt'), price('KEY', 'gpt')], change);
  const later = { ...price('MODEL', 'gpt', 3n), effectiveAtMs: startMs + 1 };
  const [second, third] = await fresh.store.appendPrices(
    fresh.org,
    [price('MODEL', 'gpt', 9_007_199_254_740_993n), later],
    change,
  );
  expect(second?.price).toMatchObject({ revision: 2, epoch: 3 });
  expect(second?.price.rates[0]?.input).toBe(9_007_199_254_740_993n);
  expect(third?.price.revision).toBe(3);
  const revoked = await fresh.store.revokePrice(fresh.org, 'MODEL', 'gpt', {
    ...change,
    reason: 'wrong',
  });
  expect(revoked).toMatchObject({
    price: { revision: 2, revokedEpoch: 4 },
    revokedReason: 'wrong',
  });
  const { items } = await fresh.store.listPrices(fresh.org, {
    size: 10,
    token: undefined,
    filter: 'MODEL',
  });
  expect(items.map(({ price: { revision, revokedEpoch } }) => [revision, revokedEpoch])).toEqual([
    [1, 4],
    [2, 4],
    [3, undefined],
  ]);
  await fresh.store.revokePrice(fresh.org, 'MODEL', 'gpt', change);
  await expect(fresh.store.revokePrice(fresh.org, 'MODEL', 'gpt', change)).rejects.toMatchObject({
    kind: 'NOT_FOUND',
    reason: 'PRICE_NOT_FOUND',
  });
});
