import { expect, test } from 'vitest';
import { batchLookups } from '../../src/platform/batch-lookups.ts';

/** A store whose answers a test lets out one by one. */
function slowStore() {
  const asked: (readonly string[])[] = [];
  const answers: PromiseWithResolvers<ReadonlyMap<string, string>>[] = [];
  return {
    asked,
    answers,
    load: (keys: readonly string[]) => {
      asked.push(keys);
      const answer = Promise.withResolvers<ReadonlyMap<string, string>>();
      answers.push(answer);
      return answer.promise;
    },
  };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
const full = () => new Error('full');

test('one look-up is under way at a time, and those that come meanwhile share the next', async () => {
  const store = slowStore();
  const find = batchLookups(store.load, { maxKeys: 100, full });
  const first = find('a');
  await turn();
  const later = [find('b'), find('c'), find('b')];
  await turn();
  expect(store.asked).toEqual([['a']]);
  store.answers[0]?.resolve(new Map([['a', 'A']]));
  await expect(first).resolves.toBe('A');
  await turn();
  expect(store.asked).toEqual([['a'], ['b', 'c']]);
  store.answers[1]?.resolve(new Map([['b', 'B']]));
  await expect(Promise.all(later)).resolves.toEqual(['B', undefined, 'B']);
});

test('a failed look-up fails its own callers only', async () => {
  const store = slowStore();
  const find = batchLookups(store.load, { maxKeys: 100, full });
  const first = find('a');
  await turn();
  const second = find('b');
  store.answers[0]?.reject(new Error('gone'));
  await expect(first).rejects.toThrow('gone');
  await turn();
  store.answers[1]?.resolve(new Map([['b', 'B']]));
  await expect(second).resolves.toBe('B');
});

test('more keys than may wait are refused, the same key again is not', async () => {
  const store = slowStore();
  const find = batchLookups(store.load, { maxKeys: 2, full });
  void find('under way');
  await turn();
  void find('a');
  void find('b');
  void find('a');
  await expect(find('c')).rejects.toThrow('full');
});
