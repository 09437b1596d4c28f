import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { expect, test } from 'vitest';
import {
  CheckResponseSchema,
  ListTargetsResponseSchema,
  ReleaseResponseSchema,
  ReportResponseSchema,
} from '../../gen/tollgate/v1/decision_pb.ts';
import { Metric } from '../../gen/tollgate/v1/limit_pb.ts';
import { Decision, Reason } from '../../gen/tollgate/v1/outcome_pb.ts';
import { answerInWords } from '../../src/cli/answer-in-words.ts';

const noon = timestampFromDate(new Date('2026-03-10T12:00:00Z'));
const budget = {
  limit: 'org/budget',
  metric: Metric.COST,
  amount: 5_000_000_000n,
  remaining: 100_000_000n,
  ask: 750_000_000n,
  resetTime: noon,
};

test('a denial says its reasons, when it may pass, and the limit with what was asked', () => {
  const outcome = {
    decision: Decision.DENY,
    reasons: [Reason.TOKENS_EXCEEDED, Reason.COST_EXCEEDED],
    retryAfter: { seconds: 60n },
    binding: budget,
    warnings: [{ limit: 'team:red/slots', metric: Metric.CONCURRENCY, amount: 4n, remaining: 1n }],
  };
  expect(answerInWords(create(CheckResponseSchema, { requestId: 'r', outcome }))).toBe(
    `DENY r: TOKENS_EXCEEDED, COST_EXCEEDED; passes in 60 s at the earliest
  org/budget: 0.1 of 5 USD left, 0.75 asked, until 2026-03-10T12:00:00.000Z
  team:red/slots: 1 of 4 calls in flight left, 0 asked`,
  );
});

test('an ALLOW says what is held and what is special about it, and each limit once', () => {
  const outcome = {
    decision: Decision.ALLOW,
    heldCostNanos: 1n,
    expireTime: noon,
    binding: budget,
    warnings: [budget],
  };
  const answer = { requestId: 'r', outcome, replayed: true };
  expect(answerInWords(create(CheckResponseSchema, answer))).toBe(
    `ALLOW r: 0.000000001 USD held until 2026-03-10T12:00:00.000Z (replayed)
  org/budget: 0.1 of 5 USD left, until 2026-03-10T12:00:00.000Z`,
  );
  const degraded = { requestId: 'r', outcome: { decision: Decision.ALLOW }, degraded: true };
  expect(answerInWords(create(CheckResponseSchema, degraded))).toBe('ALLOW r (degraded)');
});

// Planted: with every decision but DENY taken for an ALLOW, it is red.
test('a decision and a reason that this release does not know are a denial', () => {
  const outcome = { decision: 9 as Decision, reasons: [99 as Reason] };
  expect(answerInWords(create(CheckResponseSchema, { requestId: 'r', outcome }))).toBe(
    'DENY r: reason 99',
  );
});

test('a Report, a Release and a list of targets say what was done and what may be called', () => {
  const report = {
    requestId: 'r',
    costNanos: 5n,
    inputTokens: 2n,
    units: { image: 3n },
    overHold: true,
    usageAssumed: true,
  };
  expect(answerInWords(create(ReportResponseSchema, report))).toBe(
    'BOOKED r: 0.000000005 USD, 2 input and 0 output tokens, 3 image (over_hold, usage_assumed)',
  );
  expect(answerInWords(create(ReleaseResponseSchema, { requestId: 'r' }))).toBe('RELEASED r');
  const targets = [
    { name: 'gpt-4o', allowed: true },
    { name: 'o1', reasons: [Reason.MODEL_DENIED] },
  ];
  expect(answerInWords(create(ListTargetsResponseSchema, { targets, nextPageToken: 'x' }))).toBe(
    'ALLOW gpt-4o\nDENY  o1: MODEL_DENIED\n(more pages follow)',
  );
});
