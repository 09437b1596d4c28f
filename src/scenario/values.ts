import { parseUsd } from '../core/amount.ts';
import { maxInt64 } from '../core/totals.ts';
import { durationMs } from './duration.ts';
import type { Value } from './form.ts';

/**
 * Values go to the service as they are written. Where a field of the data plane cannot hold them (letters in an
 * int64), something goes in their place that the service refuses as it would refuse them: a negative number.
 */
const refused = -1n;

/** A value as text; undefined where it is absent. */
export function textOf(value: Value | undefined): string | undefined {
  if (value === undefined || value === null) return undefined;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** A list of texts. */
export function textsOf(value: Value | undefined): string[] {
  return Array.isArray(value) ? value.map((item) => textOf(item) ?? '') : [];
}

/** A whole number for an int64 field. */
export function wholeOf(value: Value | undefined): bigint | undefined {
  const text = textOf(value);
  if (text === undefined) return undefined;
  if (!/^-?\d{1,30}$/.test(text)) return refused;
  const whole = BigInt(text);
  return whole <= maxInt64 && whole >= -maxInt64 ? whole : refused;
}

const maxInt32 = 2_147_483_647n;

/** A whole number for an int32 field. */
export function smallWholeOf(value: Value | undefined): number | undefined {
  const whole = wholeOf(value);
  if (whole === undefined) return undefined;
  return Number(whole <= maxInt32 && whole >= -maxInt32 ? whole : refused);
}

/** Decimal USD for an int64 field in nano-USD. */
export function nanosOf(value: Value | undefined): bigint | undefined {
  const text = textOf(value);
  if (text === undefined) return undefined;
  const isNegative = text.startsWith('-');
  const nanos = parseUsd(isNegative ? text.slice(1) : text) ?? 0n;
  if (nanos > 0n) return isNegative ? -nanos : nanos;
  return parseUsd(text) ?? refused;
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

/** An enum of the admin plane by its short name. A name that the enum has not is for the service to refuse. */
export function enumOf(prefix: string, value: Value | undefined): string | undefined {
  const text = textOf(value);
  // Every enum has this value for "absent"; scenarios must not use it.
  return text === undefined || text === 'UNSPECIFIED' ? text : `${prefix}_${text}`;
}
