import { expect, test } from 'vitest';
import { lookupsOneByOne } from '../../src/platform/lookups-one-by-one.ts';

const bounds = {
  maxKeys: 100,
  full: () => new Error('full'),
  timeoutMs: 60_000,
  late: () => new Error('late'),
};

/* Planted, seen red: the first failure fails all that were looked up together. */
test('a key whose look-up fails does not fail the others', async () => {
  const find = lookupsOneByOne(async (key) => {
    if (key === 'lost') throw new Error('node lost');
    return key === 'absent' ? undefined : key.toUpperCase();
  }, bounds);
  const found = await Promise.allSettled(['a', 'lost', 'absent', 'b'].map((key) => find(key)));
  expect(found).toEqual([
    { status: 'fulfilled', value: 'A' },
    { status: 'rejected', reason: new Error('node lost') },
    { status: 'fulfilled', value: undefined },
    { status: 'fulfilled', value: 'B' },
  ]);
});

/* Planted, seen red: the look-up of a key has no end. */
test('a key whose look-up hangs fails, and those who ask for others go on', async () => {
  const find = lookupsOneByOne(
    (key) => (key === 'hangs' ? new Promise<string>(() => undefined) : Promise.resolve(key)),
    { ...bounds, timeoutMs: 20 },
  );
  const hangs = expect(find('hangs')).rejects.toThrow('late');
  await expect(find('a')).resolves.toBe('a');
  await hangs;
  await expect(find('b')).resolves.toBe('b');
});

/* Planted, seen red: all keys at once. */
test('few queries run at a time', async () => {
  let running = 0;
  let most = 0;
  const find = lookupsOneByOne(async (key) => {
    running += 1;
    most = Math.max(most, running);
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
    return key;
  }, bounds);
  const keys = Array.from({ length: 30 }, (_, at) => `${at}`);
  await expect(Promise.all(keys.map((key) => find(key)))).resolves.toEqual(keys);
  expect(most).toBe(4);
});
