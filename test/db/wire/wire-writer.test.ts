import { expect, test } from 'vitest';
import { int4Array, int8Array, textArray } from '../../../src/db/wire/binary-arrays.ts';
import { WireWriter } from '../../../src/db/wire/wire-writer.ts';

/** Writes everything the protocol needs into a buffer that expects so many bytes. */
function written(expected: number): Buffer {
  const to = new WireWriter(expected);
  to.byte(66);
  to.prefixed(() => {
    to.cString('naïve');
    to.int16(-2);
    to.int32(70_000);
    to.prefixedText('€ 1');
    to.prefixed(() => textArray(['a', null, '𝄞'])(to), false);
    to.prefixed(() => int4Array([1, -1])(to), false);
    to.prefixed(() => int8Array(3, [[2n ** 62n, -1n], [5_000_000_000]])(to), false);
  }, true);
  return to.bytes();
}

/* Planted once, and seen red: a length that is written into the buffer of before it grew. */
test('what is written does not depend on how often the buffer had to grow', () => {
  const whole = written(10_000);
  for (let expected = 0; expected < whole.length + 40; expected += 1) {
    expect(written(expected).equals(whole)).toBe(true);
  }
  expect(whole.readInt32BE(1)).toBe(whole.length - 1);
});

test('numbers and texts stand as PostgreSQL reads them', () => {
  const to = new WireWriter(0);
  const numbers = [-4_294_967_297n, -9_007_199_254_740_991n, -9_007_199_254_740_993n];
  int8Array(6, [[0n, -2n], [9_007_199_254_740_991], numbers])(to);
  const bytes = to.bytes();
  const elements = [20, 32, 44, 56, 68, 80].map((at) => [
    bytes.readInt32BE(at),
    bytes.readBigInt64BE(at + 4),
  ]);
  expect(elements).toEqual([
    [8, 0n],
    [8, -2n],
    [8, 9_007_199_254_740_991n],
    ...numbers.map((number) => [8, number]),
  ]);
  expect([0, 4, 8, 12, 16].map((at) => bytes.readInt32BE(at))).toEqual([1, 0, 20, 6, 1]);
});
