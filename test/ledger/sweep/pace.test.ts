import { expect, test } from 'vitest';
import { sweepRestMs } from '../../../src/ledger/sweep/pace.ts';

test('the sweep ends at most two thousand holds in a second', () => {
  expect(20 + sweepRestMs(20, 256)).toBe(128);
  expect(2 + sweepRestMs(2, 1)).toBe(8);
});

test('it rests half as long as it worked where the store is slow', () => {
  expect(sweepRestMs(100, 256)).toBe(50);
  expect(sweepRestMs(400, 256)).toBe(200);
});
