import { durationMs } from './duration.ts';
import { isFields, itemsOf } from './form.ts';
import type { Fields, Value } from './form.ts';

/** One difference between what was expected and what was answered. */
export interface Difference {
  readonly key: string;
  readonly expected: unknown;
  readonly answered: unknown;
}

type Compare = (key: string, expected: Value, answer: Record<string, unknown>) => Difference[];

/** Compared as sets: a limit that warns on two meters is one name. */
const setKeys = new Set(['warnings', 'targets', 'limits_exactly']);

/** Compares what a step expects with its answer: a subset, by the meaning of each key. */
export function compare(expect: Fields, answer: Readonly<Record<string, unknown>>): Difference[] {
  return Object.entries(expect).flatMap(([key, expected]) => {
    if (expected === undefined) return [];
    // A unit may have any name, also one that objects know.
    const one = Object.hasOwn(special, key) ? special[key] : undefined;
    return (one ?? plain)(key, expected, answer);
  });
}

const special: Readonly<Record<string, Compare>> = {
  limits: (_key, expected, answer) =>
    itemsOf(expected).flatMap((limit) => compareLimit(limit, limitsOf(answer))),
  no_limits: (key, expected, answer) => {
    const names = limitsOf(answer).map(({ is }) => is);
    const present = listOf(expected).filter((name) => names.includes(name));
    return present.length === 0 ? [] : [{ key, expected: 'none of them', answered: present }];
  },
  limits_exactly: (key, expected, answer) =>
    plain(key, expected, { [key]: limitsOf(answer).map(({ is }) => is) }),
  includes: (key, expected, answer) => {
    const targets = listOf(answer['targets']);
    const missing = listOf(expected).filter((name) => !targets.includes(name));
    return missing.length === 0 ? [] : [{ key, expected: missing, answered: targets }];
  },
  excludes: (key, expected, answer) => {
    const targets = listOf(answer['targets']);
    const present = listOf(expected).filter((name) => targets.includes(name));
    return present.length === 0 ? [] : [{ key, expected: 'none of them', answered: present }];
  },
  retry_after: (key, expected, answer) => {
    const answered = answer[key] ?? null;
    const wanted = expected === null ? null : durationMs(String(expected));
    return wanted === answered ? [] : [{ key, expected, answered: inSeconds(answered) }];
  },
  first: nested,
  newest: nested,
  units: nested,
};

/** Keys of instants, and of names, whose digits are no number. */
const instants = new Set(['resets_at', 'window_start', 'window_end']);
const names = new Set([
  'is',
  'meter',
  'binding',
  'limit',
  'user',
  'reason',
  'revoked',
  'price_revision',
]);

function plain(
  key: string,
  expected: Value,
  answer: Readonly<Record<string, unknown>>,
): Difference[] {
  const answered = absentIfEmpty(Object.hasOwn(answer, key) ? answer[key] : null);
  return isSame(key, absentIfEmpty(expected), answered) ? [] : [{ key, expected, answered }];
}

/** An empty text says as much as none. */
function absentIfEmpty<Any>(value: Any): Any | null {
  return value === '' || value === undefined ? null : value;
}

function nested(
  key: string,
  expected: Value,
  answer: Readonly<Record<string, unknown>>,
): Difference[] {
  if (!isFields(expected)) return plain(key, expected, answer);
  const inner = answer[key];
  if (typeof inner !== 'object' || inner === null)
    return [{ key, expected, answered: inner ?? null }];
  const found = compare(expected, inner as Record<string, unknown>);
  return found.map((difference) => ({ ...difference, key: `${key}.${difference.key}` }));
}

function compareLimit(wanted: Fields, limits: readonly Record<string, unknown>[]): Difference[] {
  const named = limits.filter(({ is }) => is === wanted['is']);
  const found = named.find(
    ({ meter }) => wanted['meter'] === undefined || meter === wanted['meter'],
  );
  const key = `limits ${String(wanted['is'])}`;
  const limit = found ?? named[0];
  if (limit === undefined) {
    return [{ key, expected: 'is there', answered: limits.map(({ is }) => is) }];
  }
  return compare(wanted, limit).map((difference) => ({
    ...difference,
    key: `${key} ${difference.key}`,
  }));
}

function isSame(key: string, expected: Value, answered: unknown): boolean {
  // That a revision took a limit back may be expected without the limit's name.
  if (key === 'revoked' && typeof expected === 'boolean') return expected === (answered !== null);
  if (expected === null || answered === null) return expected === answered;
  if (Array.isArray(expected)) {
    const [wanted, got] = [listOf(expected), listOf(answered)];
    return setKeys.has(key) ? same(asSet(wanted), asSet(got)) : same(wanted, got);
  }
  if (instants.has(key)) return Date.parse(String(expected)) === Date.parse(String(answered));
  if (names.has(key)) return String(expected) === String(answered);
  return canonical(String(expected)) === canonical(String(answered));
}

function asSet(texts: readonly string[]): string[] {
  return [...new Set(texts)].toSorted();
}

/** A decimal in its shortest form; other text as it is. So `1`, `1.0` and `1.00` are one number. */
function canonical(text: string): string {
  const match = /^(-?)0*(\d+)(?:\.(\d*?)0*)?$/.exec(text);
  if (match === null) return text;
  const [, sign = '', whole = '', fraction = ''] = match;
  return `${sign}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}

function limitsOf(answer: Readonly<Record<string, unknown>>): Record<string, unknown>[] {
  return (answer['limits'] ?? []) as Record<string, unknown>[];
}

function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}

function inSeconds(answered: unknown): unknown {
  return typeof answered === 'number' ? `${answered / 1000}s` : answered;
}
