import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatUnitRate, formatUsd, parseUnitRate, parseUsd } from '../../src/core/amount.ts';

const maxInt64 = 9_223_372_036_854_775_807n;

describe('amounts of money', () => {
  it('are read to the last billionth', () => {
    expect(parseUsd('0')).toBe(0n);
    expect(parseUsd('20')).toBe(20_000_000_000n);
    expect(parseUsd('0.0075')).toBe(7_500_000n);
    expect(parseUsd('20000000.000000001')).toBe(20_000_000_000_000_001n);
    expect(parseUsd('9223372036.854775807')).toBe(maxInt64);
    expect(parseUsd('1'.padStart(64, '0'))).toBe(1_000_000_000n);
  });

  it.each([
    '',
    ' ',
    '-1',
    '+1',
    '1e3',
    '1,000',
    '1_000',
    '.5',
    '5.',
    '1.2.3',
    'NaN',
    'Infinity',
    '0.0000000001',
    '9223372036.854775808',
    '9300000000',
    '0x10',
    '1 ',
    '٣',
    '1'.repeat(65),
    '1'.padStart(65, '0'),
  ])('refuse %j', (text) => {
    expect(parseUsd(text)).toBeUndefined();
  });

  it('are written in the shortest form', () => {
    expect(formatUsd(0n)).toBe('0');
    expect(formatUsd(1n)).toBe('0.000000001');
    expect(formatUsd(7_500_000n)).toBe('0.0075');
    expect(formatUsd(100_000_000_000n)).toBe('100');
    expect(formatUsd(-1_500_000_000n)).toBe('-1.5');
  });

  it('are read back as they were written, whatever they are', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, maxInt64), (nanos) => {
        const text = formatUsd(nanos);
        expect(parseUsd(text)).toBe(nanos);
        expect(text).not.toMatch(/\.\d*0$|\.$/);
      }),
    );
  });
});

describe('rates of units', () => {
  it('are read to the last part of a price per million', () => {
    expect(parseUnitRate('0.04')).toBe(40_000_000_000_000n);
    expect(parseUnitRate('0.000000000000001')).toBe(1n);
    expect(parseUnitRate('9223372036.854775807')).toBe(maxInt64 * 1_000_000n);
  });

  it.each(['', '-1', '1e3', '.5', '5.', '0.0000000000000001', '9223372036.8547758071'])(
    'refuse %j',
    (text) => {
      expect(parseUnitRate(text)).toBeUndefined();
    },
  );

  it('are read back as they were written, whatever they are', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, maxInt64 * 1_000_000n), (rate) => {
        const text = formatUnitRate(rate);
        expect(parseUnitRate(text)).toBe(rate);
        expect(text).not.toMatch(/\.\d*0$|\.$/);
      }),
    );
  });
});
