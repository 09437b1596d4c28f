import { expect, it } from 'vitest';
import { maxInt64, saturated } from '../../src/core/totals.ts';

it.each([
  [0n, 0n],
  [maxInt64 - 1n, maxInt64 - 1n],
  [maxInt64, maxInt64],
  [maxInt64 + 1n, maxInt64],
  [2n * maxInt64, maxInt64],
  [-maxInt64, -maxInt64],
  [1n - maxInt64, 1n - maxInt64],
  [-maxInt64 - 1n, -maxInt64],
  [-2n * maxInt64, -maxInt64],
])('a sum of %s is kept as %s', (sum, kept) => {
  expect(saturated(sum)).toBe(kept);
});
