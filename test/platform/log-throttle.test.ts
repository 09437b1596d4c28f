import { expect, test } from 'vitest';
import { createLogThrottle } from '../../src/platform/log-throttle.ts';

/* Planted once each, and seen red: no interval; no bound on keys; a key that is asked about stays quiet for longer. */
test('a key may be logged once per interval, and only so many keys', () => {
  let nowMs = 0;
  const mayLog = createLogThrottle({ intervalMs: 60_000, maxKeys: 2, monotonicMs: () => nowMs });
  expect(['a', 'a', 'b', 'a', 'c'].map(mayLog)).toEqual([true, false, true, false, false]);
  nowMs = 59_999;
  expect(['a', 'c'].map(mayLog)).toEqual([false, false]);
  nowMs = 60_000;
  expect(['c', 'a', 'b'].map(mayLog)).toEqual([true, true, false]);
});
