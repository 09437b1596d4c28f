import type { Timestamp } from '@bufbuild/protobuf/wkt';
import { isLongerThan, idFault, readId, readRequestId } from '../fields.ts';
import type { Violations } from '../violations.ts';

const maxDisplayName = 200;
const maxReason = 1000;
/** Control characters, but for tabs and the ends of lines. */
const unprintable = /(?![\t\n\r])\p{Cc}/u;

/** Reads an enum: the core's value for its number, the default for 0 or none, a fault for anything unknown. */
export function readEnum<T extends string>(
  violations: Violations,
  field: string,
  number: number | undefined = 0,
  values: readonly T[],
  defaultValue: T | undefined,
): T {
  const value = number === 0 ? defaultValue : values[number - 1];
  if (value !== undefined) return value;
  const what = number === 0 ? 'is required' : `has no value ${number}`;
  violations.add(field, `${what}: expected one of ${values.join(', ')}`);
  return values[0] ?? unreachable();
}

/** Reads an enum where 0 means none. */
export function readEnumOrNone<T extends string>(
  violations: Violations,
  field: string,
  number: number,
  values: readonly T[],
): T | undefined {
  return number === 0 ? undefined : readEnum(violations, field, number, values, undefined);
}

/** Reads an id where empty means none. */
export function readIdOrNone(
  violations: Violations,
  field: string,
  text: string | undefined,
): string | undefined {
  return text === undefined || text === '' ? undefined : readId(violations, field, text);
}

/** Notes a list with too many entries, whose entries then need not be looked at. */
export function isTooLong(
  violations: Violations,
  field: string,
  list: { readonly length: number },
  most: number,
): boolean {
  if (list.length <= most) return false;
  violations.add(field, `must have at most ${most} entries`);
  return true;
}

/** Reads a list of distinct ids. */
export function readIds(
  violations: Violations,
  field: string,
  ids: readonly string[],
  most: number,
): readonly string[] {
  if (isTooLong(violations, field, ids, most)) return [];
  for (const [index, id] of ids.entries()) {
    const fault = idFault(id) ?? (ids.indexOf(id) < index ? 'stands there twice' : undefined);
    if (fault !== undefined) violations.add(`${field}[${index}]`, fault);
  }
  return ids;
}

/** Reads text for people, of at most so many Unicode characters; none is empty. */
export function readText(
  violations: Violations,
  field: string,
  text: string | undefined = '',
  most: number,
): string {
  if (isLongerThan(text, most)) violations.add(field, `must have at most ${most} characters`);
  else if (unprintable.test(text)) violations.add(field, 'must not contain control characters');
  return text;
}

/** Reads a display name. */
export function readDisplayName(
  violations: Violations,
  prefix: string,
  text: string | undefined,
): string {
  return readText(violations, `${prefix}.display_name`, text, maxDisplayName);
}

/** Reads the reason of a change. */
export function readReason(violations: Violations, text: string): string {
  return readText(violations, 'reason', text, maxReason);
}

/** Reads the request id of a change. */
export function readChangeId(violations: Violations, text: string | undefined): string | undefined {
  return text === undefined ? undefined : readRequestId(violations, 'request_id', text);
}

/** Reads an instant, milliseconds since 1970, between the years 1 and 9999. */
export function readInstant(
  violations: Violations,
  field: string,
  timestamp: Timestamp | undefined,
): number | undefined {
  if (timestamp === undefined) return undefined;
  const { seconds, nanos } = timestamp;
  const isInRange = seconds >= -62_135_596_800n && seconds <= 253_402_300_799n;
  if (!isInRange || nanos < 0 || nanos > 999_999_999) {
    violations.add(field, 'must be a google.protobuf.Timestamp of the years 1 to 9999');
    return undefined;
  }
  return Number(seconds) * 1000 + Math.floor(nanos / 1_000_000);
}

function unreachable(): never {
  throw new Error('an enum without values');
}
