import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { createFairShares } from '../../src/platform/fair-shares.ts';

/*
 * Planted once, and seen red: a bound on all places together alone (as it was before), where the first
 * organization takes all of them.
 */
function takeAll(shares: ReturnType<typeof createFairShares>, orgId: string): number {
  let took = 0;
  while (shares.enter(orgId)) took += 1;
  return took;
}

it('gives one organization half of the places, and keeps half of the rest for each that comes', () => {
  const shares = createFairShares(4096);
  expect(takeAll(shares, 'busy')).toBe(2048);
  expect(takeAll(shares, 'second')).toBe(1024);
  expect(takeAll(shares, 'third')).toBe(512);
  expect(shares.taken).toBe(3584);
});

it('gives organizations that all want more the same share', () => {
  const shares = createFairShares(4096);
  const took = new Map<string, number>();
  const orgIds = ['a', 'b', 'c'];
  for (let turn = 0; turn < 5000; turn += 1) {
    for (const orgId of orgIds)
      if (shares.enter(orgId)) took.set(orgId, (took.get(orgId) ?? 0) + 1);
  }
  expect([...took.values()]).toEqual([1024, 1024, 1024]);
});

it('has a place for an organization that has none, until as many wait as there are places', () => {
  const shares = createFairShares(5);
  const all = ['a', 'b', 'c', 'd', 'e', 'f'].map((orgId) => shares.enter(orgId));
  expect(all).toEqual([true, true, true, true, true, false]);
});

it('never gives more places than there are, nor keeps what was given back', async () => {
  const step = fc.record({ org: fc.integer({ min: 0, max: 4 }), enters: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 9 }), fc.array(step), async (places, said) => {
      const shares = createFairShares(places);
      const own = [0, 0, 0, 0, 0];
      for (const { org, enters } of said) {
        const has = own[org] ?? 0;
        if (enters && shares.enter(`org${org}`)) own[org] = has + 1;
        if (enters || has === 0) continue;
        shares.leave(`org${org}`);
        own[org] = has - 1;
      }
      expect(shares.taken).toBe(own.reduce((sum, has) => sum + has));
      expect(shares.taken).toBeLessThanOrEqual(places);
      for (const [org, has] of own.entries()) {
        for (let left = has; left > 0; left -= 1) shares.leave(`org${org}`);
      }
      await shares.empty();
      expect(shares.enter('another')).toBe(true);
    }),
  );
});

/* Seen red where the bound of one is not asked. */
it('gives an organization no more than the bound of one, and places in one piece or not at all', () => {
  const shares = createFairShares(100, 30);
  expect(shares.enter('a', 25)).toBe(true);
  expect(shares.enter('a', 6)).toBe(false);
  expect(shares.enter('a', 5)).toBe(true);
  expect(shares.enter('b', 30)).toBe(true);
  expect(shares.enter('c', 30)).toBe(true);
  expect(shares.enter('d', 11)).toBe(false);
  expect(shares.enter('d', 10)).toBe(true);
  shares.leave('a', 30);
  expect(shares.taken).toBe(70);
});
