import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { assert, integer, nat, property } from 'fast-check';
import { expect, test } from 'vitest';
import { Reason as ReasonMessage, OutcomeSchema } from '../../gen/tollgate/v1/outcome_pb.ts';
import {
  Action,
  LimitStatus,
  Metric,
  SubjectKind,
  Window,
} from '../../gen/tollgate/v1/limit_pb.ts';
import { meterOf } from '../../src/core/meter.ts';
import { actions, metrics, windows } from '../../src/core/policy.ts';
import { reasons } from '../../src/core/reason.ts';
import { orgSubject, subjectKinds } from '../../src/core/subject.ts';
import { subjectToMessage } from '../../src/wire/meter.ts';
import { outcomeToMessage } from '../../src/wire/outcome.ts';
import { durationOf, timestampOf } from '../../src/wire/time.ts';
import { limit, outcome } from './limits.ts';

test('view ALL lists every limit; BINDING_ONLY only the binding one and the warnings', () => {
  const decided = outcome({
    binding: 1,
    warnings: [2],
    limits: [limit({ name: 'a' }), limit({ name: 'b' }), limit({ name: 'c', status: 'NEAR' })],
  });
  const all = outcomeToMessage(decided, 'ALL');
  const small = outcomeToMessage(decided, 'BINDING_ONLY');
  for (const message of [all, small]) {
    expect(message.binding?.limit).toBe('team:red/b');
    expect(message.warnings.map((warning) => warning.limit)).toEqual(['team:red/c']);
  }
  expect(all.limits.map((one) => one.name)).toEqual(['a', 'b', 'c']);
  expect(small.limits).toEqual([]);
});

test('composed names are percent-encoded, the parts are raw', () => {
  const subject = { kind: 'label', id: 'path=a/b,c@50%' } as const;
  const message = outcomeToMessage(outcome({ limits: [limit({ subject, name: 'x/y' })] }), 'ALL');
  expect(message.limits[0]).toMatchObject({
    subject: { kind: SubjectKind.LABEL, labelKey: 'path', id: 'a/b,c@50%' },
    limit: 'label:path=a%2Fb%2Cc%4050%25/x%2Fy',
    meter: { name: 'label:path=a%2Fb%2Cc%4050%25' },
  });
});

// Planted: with the team as the subject of a member's meter, with a label's id left whole, with its text cut at the
// last `=`, and with the targets left out, it is red each time.
test.each([
  [meterOf(orgSubject), { subject: { kind: SubjectKind.ORG, id: '' }, name: 'org' }],
  [
    meterOf({ kind: 'team', id: 'a/b' }, ['gpt-4o', 'group:x'], 'al@ice'),
    {
      subject: { kind: SubjectKind.USER, id: 'al@ice' },
      insideTeam: 'a/b',
      targets: ['gpt-4o', 'group:x'],
      name: 'team:a%2Fb/user:al%40ice@gpt-4o,group:x',
    },
  ],
  [
    meterOf({ kind: 'label', id: 'k=a=b' }),
    { subject: { kind: SubjectKind.LABEL, labelKey: 'k', id: 'a=b' }, insideTeam: '', targets: [] },
  ],
])('a meter says its parts: $name', (meter, parts) => {
  const [listed] = outcomeToMessage(outcome({ limits: [limit({ meter })] }), 'ALL').limits;
  expect(listed?.meter).toMatchObject(parts);
});

test('every kind of subject has a kind in the contract', () => {
  const sent = subjectKinds.map((kind) => subjectToMessage({ kind, id: 'a' }).kind);
  const { UNSPECIFIED: _, ...kinds } = SubjectKind;
  const named = new Map(Object.entries(kinds));
  expect(sent).toEqual(subjectKinds.map((kind) => named.get(kind.toUpperCase())));
  expect(new Set(sent).size).toBe(named.size);
});

test('what is absent is absent on the wire, and what is there survives it', () => {
  const full = outcome({
    decision: 'DENY',
    reasons: ['TOKENS_EXCEEDED', 'COST_EXCEEDED'],
    retryAfterMs: 90_500,
    maxOutputTokens: 7n,
    limits: [limit({ window: undefined, resetsAtMs: undefined, metric: 'CONCURRENCY' }), limit()],
    expiresAtMs: 1_700_000_000_123,
  });
  const there = fromBinary(OutcomeSchema, toBinary(OutcomeSchema, outcomeToMessage(full, 'ALL')));
  expect(there).toMatchObject({
    reason: ReasonMessage.TOKENS_EXCEEDED,
    retryAfter: { seconds: 90n, nanos: 500_000_000 },
    obligations: { maxOutputTokens: 7n },
    expireTime: { seconds: 1_700_000_000n, nanos: 123_000_000 },
    limits: [{ window: Window.UNSPECIFIED }, { window: Window.MONTH, amount: 100_000_000_000n }],
  });
  expect(there.limits[0]).not.toHaveProperty('resetTime');
  const bare = fromBinary(
    OutcomeSchema,
    toBinary(OutcomeSchema, outcomeToMessage(outcome(), 'ALL')),
  );
  for (const field of ['retryAfter', 'expireTime', 'binding'])
    expect(bare).not.toHaveProperty(field);
});

test('hand-made messages are encoded as those that protobuf-es creates', () => {
  const made = outcomeToMessage(outcome({ binding: 0, limits: [limit()] }), 'ALL');
  expect(toBinary(OutcomeSchema, made)).toEqual(
    toBinary(OutcomeSchema, create(OutcomeSchema, made)),
  );
});

test('every word of the core has its own on the wire, in the same order of precedence', () => {
  expect(reasons.map((reason) => ReasonMessage[reason])).toEqual(reasons.map((_, i) => i + 1));
  expect(new Set(metrics.map((metric) => Metric[metric])).size).toBe(metrics.length);
  expect(new Set(windows.map((window) => Window[window])).size).toBe(windows.length);
  expect(new Set(actions.map((action) => Action[action])).size).toBe(actions.length);
  expect(Object.keys(LimitStatus)).toHaveLength(7);
});

test('instants and spans keep their milliseconds, before 1970 too', () => {
  assert(
    property(integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 }), (ms) => {
      const { seconds, nanos } = timestampOf(ms);
      expect(nanos).toBeGreaterThanOrEqual(0);
      expect(nanos).toBeLessThan(1_000_000_000);
      expect(Number(seconds) * 1000 + nanos / 1_000_000).toBe(ms);
    }),
  );
  assert(
    property(nat(), (ms) => {
      const { seconds, nanos } = durationOf(ms);
      expect(Number(seconds) * 1000 + nanos / 1_000_000).toBe(ms);
    }),
  );
});
