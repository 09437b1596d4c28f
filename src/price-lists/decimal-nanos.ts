import { divideHalfEven } from '../core/cost.ts';
import { maxInt64 } from '../core/totals.ts';

const number = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;
const maxLength = 400;
const maxExponent = 400;

/** A number of a list in whole units of a rate. */
export interface DecimalNanos {
  readonly nanos: bigint;
  readonly isRounded: boolean;
}

/**
 * Reads the text of a JSON number times ten to a power, digit by digit: no binary floating point comes near it,
 * so 2.5e-06 is two and a half millionths and nothing beside. What is finer than a unit is rounded half to even,
 * but never to nothing. Undefined for what is no number, negative, or beyond 2^63-1.
 */
export function decimalNanos(text: string, power: number): DecimalNanos | undefined {
  const match = text.length <= maxLength ? number.exec(text) : null;
  if (match === null) return undefined;
  const [, whole = '', fraction = '', exponent = '0'] = match;
  const digits = BigInt(whole + fraction);
  if (digits === 0n) return { nanos: 0n, isRounded: false };
  const shift = Number(exponent) - fraction.length + power;
  if (text.startsWith('-') || Math.abs(shift) > maxExponent) return undefined;
  const unit = 10n ** BigInt(Math.abs(shift));
  const nanos = shift < 0 ? divideHalfEven(digits, unit) : digits * unit;
  if (nanos === 0n || nanos > maxInt64) return undefined;
  return { nanos, isRounded: shift < 0 && digits % unit !== 0n };
}
