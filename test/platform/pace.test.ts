import { expect, test, vi } from 'vitest';
import { createPace } from '../../src/platform/pace.ts';

const unstopped = new AbortController().signal;

test('after a piece it rests three times as long as the piece took', async () => {
  const rests: number[] = [];
  const now = vi.spyOn(performance, 'now').mockReturnValueOnce(100).mockReturnValueOnce(140);
  const pause = (ms: number): Promise<void> => Promise.resolve(void rests.push(ms));
  await createPace(unstopped, { pause })(() => Promise.resolve({ rows: 1 }));
  now.mockRestore();
  expect(rests).toEqual([120]);
});

test('full pieces grow to what fits into a twentieth of a second, doubling at most, and shrink at once', async () => {
  const sizes: number[] = [];
  const tooks = [1, 25, 50, 1_000, 1_000];
  const pace = createPace(unstopped, { pause: () => Promise.resolve() });
  for (const tookMs of tooks) {
    const now = vi.spyOn(performance, 'now').mockReturnValueOnce(0).mockReturnValueOnce(tookMs);
    await pace((rows) => {
      sizes.push(rows);
      return Promise.resolve({ rows });
    });
    now.mockRestore();
  }
  expect(sizes).toEqual([1_000, 2_000, 4_000, 4_000, 200]);
});

test('a piece that found less than it might take says nothing of what fits', async () => {
  const sizes: number[] = [];
  const pace = createPace(unstopped, { pause: () => Promise.resolve() });
  for (let piece = 0; piece < 3; piece += 1) {
    await pace((rows) => {
      sizes.push(rows);
      return Promise.resolve({ rows: 10 });
    });
  }
  expect(sizes).toEqual([1_000, 1_000, 1_000]);
});

test('a signal wakes it from a rest of an hour, and keeps it from resting again', async () => {
  const stopping = new AbortController();
  const pace = createPace(stopping.signal);
  const now = vi.spyOn(performance, 'now').mockReturnValueOnce(0).mockReturnValueOnce(1_200_000);
  const resting = pace(() => Promise.resolve({ rows: 1 }));
  await Promise.resolve();
  stopping.abort();
  await resting;
  now.mockReturnValueOnce(0).mockReturnValueOnce(1_200_000);
  await pace(() => Promise.resolve({ rows: 1 }));
  now.mockRestore();
});
