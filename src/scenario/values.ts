import { parseUsd } from '../core/amount.ts';
import { durationMs } from './duration.ts';
import type { Value } from './form.ts';

/** A value as text, as it is written; undefined where it is absent. */
export function textOf(value: Value | undefined): string | undefined {
  if (value === undefined || value === null) return undefined;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** A list of texts. */
export function textsOf(value: Value | undefined): string[] {
  return Array.isArray(value) ? value.map((item) => textOf(item) ?? '') : [];
}

/** What a whole number travels as when it is none: the service refuses it like the text would be. */
const refused = -1n;

/** A whole number for an int64 field. */
export function wholeOf(value: Value | undefined): bigint | undefined {
  const text = textOf(value);
  if (text === undefined) return undefined;
  return /^-?\d{1,19}$/.test(text) ? BigInt.asIntN(64, BigInt(text)) : refused;
}

/** Decimal USD for an int64 field in nano-USD. */
export function nanosOf(value: Value | undefined): bigint | undefined {
  const text = textOf(value);
  if (text === undefined) return undefined;
  const isNegative = text.startsWith('-');
  const nanos = parseUsd(isNegative ? text.slice(1) : text);
  if (nanos === undefined) return refused;
  return isNegative ? -nanos : nanos;
}

/** A duration as google.protobuf.Duration; one that is none travels as an invalid one. */
export function durationOf(
  value: Value | undefined,
): { seconds: bigint; nanos: number } | undefined {
  const text = textOf(value);
  if (text === undefined) return undefined;
  const ms = durationMs(text);
  if (ms === undefined) return { seconds: 0n, nanos: -1 };
  const seconds = Math.trunc(ms / 1000);
  return { seconds: BigInt(seconds), nanos: (ms - seconds * 1000) * 1_000_000 };
}

/** The number that no enum has: how a name that no enum has travels. */
const unknownNumber = 99;

/** An enum of the admin plane by its short name; what is not known travels as an unknown number. */
export function enumOf(
  prefix: string,
  known: readonly string[],
  value: Value | undefined,
): string | number | undefined {
  const text = textOf(value);
  if (text === undefined) return undefined;
  return known.includes(text) ? `${prefix}_${text}` : unknownNumber;
}
