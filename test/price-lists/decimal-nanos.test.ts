import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decimalNanos } from '../../src/price-lists/decimal-nanos.ts';

/** The same number written in one of the ways that JSON allows. */
function written(digits: bigint, exponent: number, form: number): string {
  const text = digits.toString();
  if (form === 0) return `${text}e${exponent}`;
  if (form === 1) return `${text}.0E${exponent < 0 ? '' : '+'}${exponent}`;
  const point = text.length + exponent;
  if (point <= 0) return `0.${'0'.repeat(-point)}${text}`;
  if (point >= text.length) return text + '0'.repeat(exponent);
  return `${text.slice(0, point)}.${text.slice(point)}`;
}

describe('a decimal of a list', () => {
  // Planted: read through Number(), long numbers are off by some nano-dollars.
  it('is read exactly, however it is written', () => {
    const digits = fc.bigInt(1n, 10n ** 18n - 1n);
    const run = fc.record({
      digits,
      exponent: fc.integer({ min: -15, max: 0 }),
      form: fc.integer({ min: 0, max: 2 }),
    });
    fc.assert(
      fc.property(run, ({ digits: number, exponent, form }) => {
        const text = written(number, exponent, form);
        const exact = number * 10n ** BigInt(exponent + 15);
        const expected =
          exact > 9_223_372_036_854_775_807n ? undefined : { nanos: exact, isRounded: false };
        expect(decimalNanos(text, 15)).toEqual(expected);
      }),
      { numRuns: 5_000 },
    );
  });

  it('that is finer than a unit becomes the nearest whole one, the even one of two', () => {
    const parts = fc.record({
      digits: fc.bigInt(1n, 10n ** 30n),
      places: fc.integer({ min: 1, max: 28 }),
    });
    fc.assert(
      fc.property(parts, ({ digits, places }) => {
        const unit = 10n ** BigInt(places);
        const found = decimalNanos(`${digits}e-${places}`, 0);
        if (found === undefined) {
          const isNothing = 2n * digits <= unit;
          const isTooMuch = digits / unit >= 9_223_372_036_854_775_807n;
          expect(isNothing || isTooMuch).toBe(true);
          return;
        }
        const error = 2n * (digits - found.nanos * unit);
        const distance = error < 0n ? -error : error;
        expect(distance <= unit).toBe(true);
        if (distance === unit) expect(found.nanos % 2n).toBe(0n);
        expect(found.isRounded).toBe(digits % unit !== 0n);
      }),
      { numRuns: 5_000 },
    );
  });

  it.each([
    ['2.5e-06', 2_500_000_000n],
    ['1e-07', 100_000_000n],
    ['7.5e-8', 75_000_000n],
    ['0.00000025', 250_000_000n],
    ['1.5E+0', 1_500_000_000_000_000n],
    ['0', 0n],
    ['0.0', 0n],
    ['-0', 0n],
    ['0e-999999999', 0n],
    ['1e-15', 1n],
  ])('%s USD per token is %s nano-dollars per million', (text, nanos) => {
    expect(decimalNanos(text, 15)).toEqual({ nanos, isRounded: false });
  });

  it('with a binary rounding error is rounded to the intended decimal, and reported', () => {
    expect(decimalNanos('0.18000000000000002', 9)).toEqual({
      nanos: 180_000_000n,
      isRounded: true,
    });
    expect(decimalNanos('8.333333333333334e-08', 15)).toEqual({
      nanos: 83_333_333n,
      isRounded: true,
    });
  });

  it.each([
    '',
    'NaN',
    'Infinity',
    '-1e-6',
    '1e',
    '1.',
    '.5',
    '0x10',
    '1e-16',
    '4e-16',
    '1e999999999',
    '1e-999999999',
    '1e9',
    `1${'0'.repeat(400)}`,
    '1 ',
  ])('is refused as %s', (text) => {
    expect(decimalNanos(text, 15)).toBeUndefined();
  });
});
