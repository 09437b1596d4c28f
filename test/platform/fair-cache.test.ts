import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { createFairCache } from '../../src/platform/fair-cache.ts';

/*
 * Planted one at a time, and each seen red: one shelf for all, which is a plain LRU cache; no bound; use that does not
 * count, for an entry or for its organization; room made by the smallest organization, or by none that is idle; an
 * organization that stays in its old size class, that is lost from its new one, or that is kept without entries.
 */
const minuteMs = 60_000;

function cacheOf(max: number) {
  let nowMs = 0;
  const cache = createFairCache<string, number>({ max, monotonicMs: () => nowMs });
  return {
    cache,
    pass: (ms: number) => (nowMs += ms),
    fill: (orgId: string, from: number, to: number): void => {
      for (let index = from; index < to; index += 1) cache.set(orgId, `${orgId}${index}`, index);
    },
    keptOf: (orgId: string, count: number) =>
      Array.from({ length: count }, (_, index) => index).filter((index) =>
        cache.has(`${orgId}${index}`),
      ),
  };
}

it('lets an organization that floods it displace its own entries, the least used first', () => {
  const { cache, fill, keptOf } = cacheOf(100);
  fill('quiet', 0, 30);
  fill('flood', 0, 60);
  for (const index of [0, 1, 2]) expect(cache.get(`flood${index}`)).toBe(index);
  fill('flood', 60, 10_000);
  expect(cache.size).toBe(100);
  expect(keptOf('quiet', 30)).toHaveLength(30);
  expect(cache.get('flood9999')).toBe(9999);

  const used = cacheOf(10);
  used.fill('alone', 0, 10);
  for (const index of [0, 1, 2]) used.cache.get(`alone${index}`);
  used.fill('alone', 10, 15);
  expect(used.keptOf('alone', 15)).toEqual([0, 1, 2, 8, 9, 10, 11, 12, 13, 14]);
});

it('belongs to one organization that is alone, and takes from it for those that come', () => {
  const { cache, fill, keptOf } = cacheOf(128);
  fill('first', 0, 128);
  expect(keptOf('first', 128)).toHaveLength(128);
  fill('second', 0, 1000);
  fill('third', 0, 1000);
  fill('second', 1000, 2000);
  for (const orgId of ['first', 'second', 'third']) {
    expect(keptOf(orgId, 2000).length).toBeGreaterThanOrEqual(128 / 3 / 2);
  }
  expect(cache.size).toBe(128);
});

it('takes first what an organization has not used for ten minutes', () => {
  const { cache, fill, keptOf, pass } = cacheOf(100);
  fill('gone', 0, 20);
  fill('here', 0, 20);
  fill('busy', 0, 60);
  pass(6 * minuteMs);
  fill('busy', 60, 61);
  cache.get('here0');
  pass(6 * minuteMs);
  fill('busy', 61, 200);
  expect(keptOf('gone', 20)).toEqual([]);
  expect(keptOf('here', 20)).toHaveLength(20);
  expect(keptOf('busy', 200)).toHaveLength(80);
});

it('takes from organizations that have equally many in the order of their use', () => {
  const { cache, fill, keptOf } = cacheOf(6);
  for (const orgId of ['a', 'b', 'c']) fill(orgId, 0, 2);
  cache.get('a0');
  fill('d', 0, 1);
  fill('e', 0, 1);
  expect(['a', 'b', 'c', 'd', 'e'].map((orgId) => keptOf(orgId, 2).length)).toEqual([
    2, 1, 1, 1, 1,
  ]);
});

it('forgets a key on request', () => {
  const { cache, fill } = cacheOf(4);
  fill('a', 0, 2);
  cache.set('b', 'a0', 7);
  expect(cache.get('a0')).toBe(7);
  cache.delete('a0');
  cache.delete('a0');
  expect(cache.get('a0')).toBeUndefined();
  expect(cache.size).toBe(1);
  cache.clear();
  expect([cache.size, cache.get('a1')]).toEqual([0, undefined]);
  fill('a', 0, 9);
  expect(cache.size).toBe(4);
});

it('knows who has most after organizations have shrunk', () => {
  const { cache, fill } = cacheOf(6);
  for (const orgId of ['x', 'y', 'z']) fill(orgId, 0, 2);
  for (const orgId of ['x', 'z', 'y']) cache.delete(`${orgId}0`);
  for (const orgId of ['u', 'v', 'w', 'w', 'w']) fill(orgId, cache.size, cache.size + 1);
  expect(cache.size).toBe(6);
});

const orgIds = ['a', 'b', 'c', 'd', 'e', 'f'];
const step = fc.record({
  org: fc.constantFrom(...orgIds),
  key: fc.integer({ min: 0, max: 12 }),
  does: fc.oneof({ weight: 2, arbitrary: fc.constant('set') }, fc.constantFrom('get', 'delete')),
});

const steps = fc.array(step, { maxLength: 300, size: 'max' });

it('makes room with the least used entry of an organization that has half of the most at least', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 16 }), steps, (max, said) => {
      const cache = createFairCache<string, number>({ max, monotonicMs: () => 0 });
      /** The keys of each organization, the least used first. */
      const model = new Map(orgIds.map((orgId): [string, string[]] => [orgId, []]));
      const sizes = () => [...model.values()].map(({ length }) => length);
      for (const { org, key: number, does } of said) {
        const key = `${org}${number}`;
        const own = model.get(org) ?? [];
        const isKept = own.includes(key);
        expect(cache.has(key)).toBe(isKept);
        if (does === 'set' && !isKept && sizes().reduce((sum, size) => sum + size) === max) {
          const most = Math.max(...sizes());
          cache.set(org, key, number);
          const gone = orgIds.filter((orgId) => model.get(orgId)?.some((one) => !cache.has(one)));
          expect(gone).toHaveLength(1);
          const from = model.get(gone[0] ?? '') ?? [];
          expect(2 * from.length).toBeGreaterThanOrEqual(most);
          expect(cache.has(from.shift() ?? '')).toBe(false);
          expect(from.every((one) => cache.has(one))).toBe(true);
        } else if (does === 'set') cache.set(org, key, number);
        else if (does === 'delete') cache.delete(key);
        else expect(cache.get(key)).toBe(isKept ? number : undefined);
        if (isKept) own.splice(own.indexOf(key), 1);
        if (does === 'set' || (does === 'get' && isKept)) own.push(key);
        expect(cache.size).toBe(sizes().reduce((sum, size) => sum + size));
      }
    }),
  );
});
