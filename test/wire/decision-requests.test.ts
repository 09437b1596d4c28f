import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { DescMessage } from '@bufbuild/protobuf';
import {
  array,
  assert,
  bigInt,
  boolean,
  constantFrom,
  dictionary,
  option,
  property,
  record,
  string,
  stringMatching,
  tuple,
  uint8Array,
} from 'fast-check';
import { expect, test } from 'vitest';
import {
  CheckRequestSchema,
  ListTargetsRequestSchema,
  ReportRequestSchema,
} from '../../gen/tollgate/v1/decision_pb.ts';
import { ServiceError } from '../../src/platform/service-error.ts';
import {
  checkFromMessage,
  listTargetsFromMessage,
  reportFromMessage,
} from '../../src/wire/decision-requests.ts';

const id = string({ unit: 'binary', minLength: 1, maxLength: 200 }).filter(
  (text) => !/[\s\p{Cc}]/u.test(text),
);
const amount = bigInt({ min: 0n, max: 9_223_372_036_854_775_807n });
const unitName = stringMatching(/^[a-z][a-z0-9_.-]{0,63}$/);
const maybe = <T>(of: Parameters<typeof option<T>>[0]) => option(of, { nil: undefined });
const serviceTier = stringMatching(/^[a-z0-9_.-]{1,64}$/);
const label = string({ minLength: 1, maxLength: 20 }).filter((text) => !/[\s=]/.test(text));

const request = record({
  orgId: id,
  requestId: maybe(string({ minLength: 1, maxLength: 128 })),
  parentRequestId: maybe(string({ minLength: 1, maxLength: 128 })),
  settleNow: boolean(),
  target: id,
  provider: maybe(id),
  serviceTier: maybe(serviceTier),
  credential: maybe(constantFrom('tg_key_x', 's')),
  subjects: record({
    teams: array(id, { maxLength: 4 }),
    user: maybe(id),
    tier: maybe(id),
    key: maybe(id),
    principal: maybe(id),
    app: maybe(id),
    customer: maybe(id),
    labels: dictionary(label, label, { maxKeys: 5 }),
  }),
  estimate: record({
    inputTokens: amount,
    outputTokens: maybe(amount),
    costNanos: maybe(amount),
    units: dictionary(unitName, bigInt(0n, 2n ** 53n), { maxKeys: 5 }),
    requests: maybe(bigInt(1n, 1_000_000n)),
  }).chain((said) =>
    tuple(amount, amount, amount).map(([cached, written, hour]) => {
      // Parts of what they are parts of.
      const cachedInputTokens = cached % (said.inputTokens + 1n);
      const cacheWriteTokens = written % (said.inputTokens - cachedInputTokens + 1n);
      const cacheWrite1hTokens = hour % (cacheWriteTokens + 1n);
      return { ...said, cachedInputTokens, cacheWriteTokens, cacheWrite1hTokens };
    }),
  ),
});

test('whatever is well-formed arrives as it was said: ids, numbers, absence', () => {
  assert(
    property(request, (said) => {
      const bytes = toBinary(CheckRequestSchema, create(CheckRequestSchema, said));
      const { input, view } = checkFromMessage(fromBinary(CheckRequestSchema, bytes));
      expect(view).toBe('BINDING_ONLY');
      expect(input).toEqual({
        orgId: said.orgId,
        requestId: said.requestId,
        parentRequestId: said.parentRequestId,
        settleNow: said.settleNow,
        target: said.target,
        served: { provider: said.provider, serviceTier: said.serviceTier },
        credential: said.credential,
        subjects: {
          ...said.subjects,
          teams: [...new Set(said.subjects.teams)],
          labels: new Map(Object.entries(said.subjects.labels)),
        },
        estimate: {
          input: said.estimate.inputTokens,
          output: said.estimate.outputTokens,
          reasoningOutput: undefined,
          cachedInput: said.estimate.cachedInputTokens,
          cacheWrite: said.estimate.cacheWriteTokens,
          cacheWrite1h: said.estimate.cacheWrite1hTokens,
          units: Object.entries(said.estimate.units)
            .filter(([, count]) => count > 0n)
            .toSorted(([a], [b]) => (a < b ? -1 : 1))
            .map(([name, count]) => ({ name, count })),
          requests: said.estimate.requests ?? 1n,
          cost: said.estimate.costNanos,
        },
        ttlMs: undefined,
      });
    }),
  );
});

test('whatever can be decoded is read or refused as FIELD_INVALID or FIELD_UNKNOWN, never worse', () => {
  assert(
    property(uint8Array({ maxLength: 60 }), (bytes) => {
      const check = decoded(CheckRequestSchema, bytes);
      const report = decoded(ReportRequestSchema, bytes);
      expect(check && faultOf(() => checkFromMessage(check))).toBeOneOf([
        undefined,
        'FIELD_INVALID',
        'FIELD_UNKNOWN',
      ]);
      expect(report && faultOf(() => reportFromMessage(report))).toBeOneOf([
        undefined,
        'FIELD_INVALID',
        'FIELD_UNKNOWN',
      ]);
    }),
    { numRuns: 2000 },
  );
});

test.each([
  [90n, 500_000_000, 90_500],
  [0n, 1, 1],
  [86_400n, 0, 86_400_000],
])('a time to live of %s s and %i ns is %i ms: rounded up, a day at most', (seconds, nanos, ms) => {
  const said = { orgId: 'acme', target: 'm', ttl: { seconds, nanos } };
  expect(checkFromMessage(create(CheckRequestSchema, said)).input.ttlMs).toBe(ms);
});

function decoded<Desc extends DescMessage>(desc: Desc, bytes: Uint8Array) {
  try {
    return fromBinary(desc, bytes);
  } catch {
    // Bytes that are no message never reach the reader.
    return undefined;
  }
}

/** The reason of the refusal, or undefined; anything but a refusal fails the test. */
function faultOf(read: () => unknown): string | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    if (error instanceof ServiceError) return error.reason;
    throw error;
  }
}

// Planted: without the bound, the third line is red; with 0 as it is, the first.
test.each([
  [0, 100],
  [1, 1],
  [2_000_000, 1000],
])('a page of %d targets is one of %d', (pageSize, size) => {
  const message = create(ListTargetsRequestSchema, { orgId: 'acme', pageSize });
  expect(listTargetsFromMessage(message).page).toEqual({ size, token: undefined });
});
