import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { expect, test } from 'vitest';
import { ErrorInfoSchema, RetryInfoSchema } from '../../gen/google/rpc/error_details_pb.ts';
import { StatusSchema } from '../../gen/google/rpc/status_pb.ts';
import { ErrorReason as ErrorReasonValue } from '../../gen/tollgate/v1/error_reason_pb.ts';
import { errorReasons } from '../../src/platform/error-reasons.ts';
import type { ErrorReason, ReasonRow } from '../../src/platform/error-reasons.ts';
import { ServiceError } from '../../src/platform/service-error.ts';
import type { ServiceErrorArguments } from '../../src/platform/service-error.ts';
import { statusBytes } from '../../src/wire/status.ts';

const root = join(import.meta.dirname, '../..');
const table = Object.entries<ReasonRow>(errorReasons);

/** One value of the enum, as its comment describes it. */
interface Described {
  readonly name: string;
  readonly means: string;
  readonly facts: string;
}

function described(): Described[] {
  const proto = readFileSync(join(root, 'proto/tollgate/v1/error_reason.proto'), 'utf8');
  const values = [...proto.matchAll(/((?: {2}\/\/ .*\n)+) {2}ERROR_REASON_(\w+) = \d+;/g)];
  return values.slice(1).map(([, comment = '', name = '']) => {
    const lines = comment
      .trimEnd()
      .split('\n')
      .map((line) => line.slice('  // '.length));
    return { name, means: lines.slice(0, -1).join(' '), facts: lines.at(-1) ?? '' };
  });
}

function factsOf({ code, action, retryInfo, metadata }: ReasonRow): string {
  const retry = retryInfo ? 'always' : 'never';
  const keys = metadata.length === 0 ? 'none' : metadata.join(', ');
  return `Code: ${code}. Action: ${action}. RetryInfo: ${retry}. Metadata: ${keys}.`;
}

// Seen red: with a value of the enum taken out, and with another code in a comment.
test('the contract has each reason of the table, in its order, with its code, action and keys, and no other', () => {
  const { UNSPECIFIED: _unspecified, ...values } = ErrorReasonValue;
  expect(Object.keys(values)).toEqual(Object.keys(errorReasons));
  const facts = described().map(({ name, facts: said }) => [name, said]);
  expect(facts).toEqual(table.map(([name, row]) => [name, factsOf(row)]));
});

// Seen red: with a row of docs/errors.md taken out, and with another word in one.
test('docs/errors.md lists each reason as the contract describes it, and no other', () => {
  const page = readFileSync(join(root, 'docs/errors.md'), 'utf8');
  const rows = page
    .slice(page.indexOf('## All reasons'))
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim())
        .slice(1, -1),
    );
  const expected = described().map(({ name, means }) => {
    const row = errorReasons[name as ErrorReason];
    const keys = row.metadata.map((key) => `\`${key}\``).join(', ');
    return [`\`${name}\``, row.code, row.action, row.retryInfo ? 'yes' : '', keys, means];
  });
  expect(rows).toEqual(expected);
});

// Seen red: with a row in the table that nothing fails with. (A reason that is not in the table does not compile.)
test('something fails with each reason', () => {
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && file !== 'platform/error-reasons.ts',
  );
  const code = files.map((file) => readFileSync(join(root, 'src', file), 'utf8')).join('\n');
  // `change-errors.ts` puts these together: all records can be created, and can be absent.
  const nouns = [...(/const nouns = \{([^}]*)\}/.exec(code)?.[1] ?? '').matchAll(/'([A-Z_]+)'/g)];
  const composed = nouns.flatMap(([, noun = '']) => [`${noun}_NOT_FOUND`, `${noun}_EXISTS`]);
  expect(composed.length).toBeGreaterThan(15);
  const unused = Object.keys(errorReasons).filter(
    (reason) =>
      !composed.includes(reason) &&
      !new RegExp(`(?:ServiceError|notFound|alreadyExists)\\(\\s*'${reason}'`).test(code),
  );
  expect(unused).toEqual([]);
});

/** An error of a reason, with what its row demands. */
function errorOf(reason: string, { retryInfo, metadata }: ReasonRow): ServiceError {
  const more = {
    ...(retryInfo ? { retryAfterMs: 250 } : {}),
    ...(metadata.length > 0
      ? { metadata: Object.fromEntries(metadata.map((key) => [key, `the ${key}`])) }
      : {}),
  };
  return new ServiceError(...([reason, 'said', more] as unknown as ServiceErrorArguments));
}

test.each(table)(
  '%s is sent with its metadata, and says when to retry only if it can help',
  (...entry) => {
    const [reason, row] = entry;
    const { code, details } = fromBinary(StatusSchema, statusBytes(errorOf(reason, row)));
    const infos = details.flatMap((any) => anyUnpack(any, ErrorInfoSchema) ?? []);
    const metadata = Object.fromEntries(row.metadata.map((key) => [key, `the ${key}`]));
    expect(infos).toMatchObject([{ reason, domain: 'tollgate', metadata }]);
    expect(code).toBeGreaterThan(0);
    const retries = details.filter((any) => anyUnpack(any, RetryInfoSchema) !== undefined);
    expect(retries).toHaveLength(row.retryInfo ? 1 : 0);
  },
);

/** Codes after which the same request may succeed. All others mean that it, or what it refers to, is wrong. */
const retryable = new Set(['RESOURCE_EXHAUSTED', 'UNAVAILABLE', 'DEADLINE_EXCEEDED', 'CANCELLED']);

// Seen red: with `retryInfo` at MESSAGE_TOO_LARGE, and with RETRY_LATER at FIELD_INVALID.
test('only errors that a retry can help with have a retry as their action, and only those say when', () => {
  const retried = table.filter(([, { action }]) => action.startsWith('RETRY'));
  const otherwise = retried.filter(([, { code }]) => !retryable.has(code));
  // Replicas of a fleet that is being upgraded are of two releases: the next one may know the field.
  expect(otherwise.map(([name]) => name)).toEqual(['FIELD_UNKNOWN']);
  const timed = table.filter(([, { retryInfo }]) => retryInfo);
  expect(timed.filter(([, { action }]) => !action.startsWith('RETRY'))).toEqual([]);
  expect(errorReasons.MESSAGE_TOO_LARGE).toMatchObject({ action: 'FIX', retryInfo: false });
});

// `npm run check:types` fails on a line that compiles. Seen red: with `...args: any[]` in the constructor.
test('an error that is not what its row demands does not compile', () => {
  const tooLarge = { metadata: { max_bytes: '1' } };
  const wrong = [
    // @ts-expect-error -- no such reason
    () => new ServiceError('HOLD_LOST', 'said'),
    // @ts-expect-error -- a retry does not help
    () => new ServiceError('FIELD_INVALID', 'said', { retryAfterMs: 100 }),
    // @ts-expect-error -- a retry does not help
    () => new ServiceError('MESSAGE_TOO_LARGE', '', { ...tooLarge, retryAfterMs: 1 }),
    // @ts-expect-error -- without the time to wait
    () => new ServiceError('OVERLOADED', 'said'),
    // @ts-expect-error -- without the state of the hold
    () => new ServiceError('HOLD_NOT_OPEN', 'said'),
    // @ts-expect-error -- with metadata that the contract does not have
    () => new ServiceError('INTERNAL', 'said', { metadata: { query: 'SELECT' } }),
  ];
  expect(wrong).toHaveLength(6);
});
