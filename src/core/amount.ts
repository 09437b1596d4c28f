import { maxInt64 } from './totals.ts';

const nanosPerUsd = 1_000_000_000n;
const decimal = /^(\d+)(?:\.(\d{1,9}))?$/;
const unitRateDecimals = 15;
const unitRateSize = 10n ** BigInt(unitRateDecimals);
const unitDecimal = /^(\d+)(?:\.(\d{1,15}))?$/;

/**
 * Reads an amount of money: decimal USD with at most 9 decimals, from 0 to 9223372036.854775807, without
 * sign, exponent or separator. In nano-USD; undefined when the text is none.
 */
export function parseUsd(text: string): bigint | undefined {
  const match = text.length <= 64 ? decimal.exec(text) : null;
  if (match === null) return undefined;
  const [, whole = '0', fraction = ''] = match;
  const nanos = BigInt(whole) * nanosPerUsd + BigInt(fraction.padEnd(9, '0'));
  return nanos <= maxInt64 ? nanos : undefined;
}

/** Writes nano-USD as decimal USD, in the shortest form: `0.0075`, `20`. */
export function formatUsd(nanos: bigint): string {
  const sign = nanos < 0n ? '-' : '';
  const size = nanos < 0n ? -nanos : nanos;
  return `${sign}${decimalText(size, nanosPerUsd, 9)}`;
}

/**
 * Reads the rate of a unit: decimal USD with at most 15 decimals, from 0 to 9223372036.854775807, without sign,
 * exponent or separator. In nano-USD for 1,000,000 of the unit; undefined when the text is none.
 */
export function parseUnitRate(text: string): bigint | undefined {
  const match = text.length <= 64 ? unitDecimal.exec(text) : null;
  if (match === null) return undefined;
  const [, whole = '0', fraction = ''] = match;
  const rate = BigInt(whole) * unitRateSize + BigInt(fraction.padEnd(unitRateDecimals, '0'));
  return rate <= maxInt64 * 1_000_000n ? rate : undefined;
}

/** Writes the rate of a unit as decimal USD, in the shortest form. */
export function formatUnitRate(rate: bigint): string {
  return decimalText(rate, unitRateSize, unitRateDecimals);
}

function decimalText(size: bigint, one: bigint, decimals: number): string {
  const fraction = (size % one).toString().padStart(decimals, '0').replace(/0+$/, '');
  return `${size / one}${fraction === '' ? '' : `.${fraction}`}`;
}
