import { maxInt64 } from './totals.ts';

const nanosPerUsd = 1_000_000_000n;
const decimal = /^(\d+)(?:\.(\d{1,9}))?$/;

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
  const fraction = (size % nanosPerUsd).toString().padStart(9, '0').replace(/0+$/, '');
  return `${sign}${size / nanosPerUsd}${fraction === '' ? '' : `.${fraction}`}`;
}
