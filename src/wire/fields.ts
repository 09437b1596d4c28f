import { maxInt64 } from '../core/totals.ts';
import type { Violations } from './violations.ts';

/** The longest id, in Unicode characters. */
export const maxIdLength = 200;
/** The longest request id. */
export const maxRequestIdLength = 128;
/** The longest secret that is looked at. */
export const maxSecretLength = 512;

const forbiddenInId = /[\s\p{Cc}]/u;
const serviceTier = /^[a-z0-9_.-]{1,64}$/;
const printableAscii = /^[\x20-\x7e]+$/;
const visibleAscii = /^[\x21-\x7e]+$/;

/** Reads an id that must be there: 1 to 200 characters, no white space, no control characters. */
export function readId(violations: Violations, field: string, text: string): string {
  const fault = idFault(text);
  if (fault !== undefined) violations.add(field, fault);
  return text;
}

/** Reads an id that may be absent; present but empty is a fault. */
export function readOptionalId(
  violations: Violations,
  field: string,
  text: string | undefined,
): string | undefined {
  return text === undefined ? undefined : readId(violations, field, text);
}

/** What is wrong with an id, or undefined. */
export function idFault(text: string): string | undefined {
  if (text === '') return 'must not be empty';
  if (isLongerThan(text, maxIdLength)) {
    return `must have at most ${maxIdLength} characters`;
  }
  if (forbiddenInId.test(text)) return 'must not contain white space or control characters';
  return undefined;
}

/** Reads a service tier that may be absent: 1 to 64 of `a-z 0-9 _ . -`. */
export function readServiceTier(
  violations: Violations,
  field: string,
  text: string | undefined,
): string | undefined {
  if (text !== undefined && !serviceTier.test(text)) {
    violations.add(field, 'must have 1 to 64 characters, of a-z, 0-9, _, . and -');
  }
  return text;
}

/** Reads a request id: 1 to 128 printable ASCII characters. */
export function readRequestId(violations: Violations, field: string, text: string): string {
  if (text === '') violations.add(field, 'must not be empty');
  else if (text.length > maxRequestIdLength) {
    violations.add(field, `must have at most ${maxRequestIdLength} characters`);
  } else if (!printableAscii.test(text)) {
    violations.add(field, 'must consist of printable ASCII characters');
  }
  return text;
}

/** Reads a presented secret; what is wrong with it is said without repeating it. */
export function readSecret(
  violations: Violations,
  field: string,
  text: string | undefined,
): string | undefined {
  if (text === undefined) return undefined;
  if (text === '') violations.add(field, 'must not be empty');
  else if (text.length > maxSecretLength) {
    violations.add(field, `must have at most ${maxSecretLength} characters`);
  } else if (!visibleAscii.test(text)) {
    violations.add(field, 'must consist of printable ASCII characters without spaces');
  }
  return text;
}

/** Reads an amount of tokens, nano-USD or calls: 0 to 2^63-1. */
export function readAmount(violations: Violations, field: string, amount: bigint): bigint {
  if (amount < 0n) violations.add(field, 'must not be negative');
  else if (amount > maxInt64) violations.add(field, 'must be at most 9223372036854775807');
  return amount;
}

/** Reads an amount that may be absent. */
export function readOptionalAmount(
  violations: Violations,
  field: string,
  amount: bigint | undefined,
): bigint | undefined {
  return amount === undefined ? undefined : readAmount(violations, field, amount);
}

/**
 * Whether a text has more Unicode characters than that. A character takes one or two code units, so the length
 * answers most of the time, and a text of megabytes is not counted.
 */
export function isLongerThan(text: string, most: number): boolean {
  if (text.length <= most) return false;
  return text.length > 2 * most || countCharacters(text) > most;
}

function countCharacters(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}
