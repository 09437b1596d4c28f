import {
  CheckResponseSchema,
  ExplainResponseSchema,
  ReportResponseSchema,
} from '../../gen/tollgate/v1/decision_pb.ts';
import { Decision, DecisionSchema, OutcomeSchema } from '../../gen/tollgate/v1/outcome_pb.ts';
import { readDigits } from './call-template.ts';
import { findField, readVarint, varintBytes } from './message-scan.ts';

/** Throws if the message between two offsets is not the answer that call `number` must have. */
export type AnswerCheck = (bytes: Buffer, start: number, end: number, number: number) => void;

const check = CheckResponseSchema.field;
const report = ReportResponseSchema.field;
const outcomeOfExplain = ExplainResponseSchema.field.outcome.number;
const decision = OutcomeSchema.field.decision.number;

/** A Check's answer: of this call, with this decision, decided by the store; a repeat if one is expected. */
export function createCheckAnswerCheck(expected: Decision, isReplay = false): AnswerCheck {
  return (bytes, start, end, number) => {
    expectId(bytes, start, end, check.requestId.number, number);
    expectDecision(bytes, start, end, check.outcome.number, expected);
    if (readFlag(bytes, start, end, check.degraded.number)) fail(number, 'is degraded');
    if (readFlag(bytes, start, end, check.replayed.number) && !isReplay) {
      fail(number, 'is a replay');
    }
  };
}

/** A Report's answer: of this call, with what its usage costs. */
export function createReportAnswerCheck(costNanos: number): AnswerCheck {
  return (bytes, start, end, number) => {
    expectId(bytes, start, end, report.requestId.number, number);
    const at = findField(bytes, start, end, report.costNanos.number);
    const cost = at === -1 ? 0 : readVarint(bytes, at);
    if (cost !== costNanos) fail(number, `costs ${cost}, expected ${costNanos}`);
  };
}

/** An Explain's answer: that the call would be allowed. */
export const checkExplainAnswer: AnswerCheck = (bytes, start, end) =>
  expectDecision(bytes, start, end, outcomeOfExplain, Decision.ALLOW);

/** The id ends with the number of the call. */
function expectId(bytes: Buffer, start: number, end: number, field: number, number: number): void {
  const at = findField(bytes, start, end, field);
  const last = at === -1 ? start : at + varintBytes(bytes, at) + readVarint(bytes, at);
  const found = readDigits(bytes, last - 9);
  if (found !== number) fail(number, `has the id of call ${found}`);
}

function expectDecision(
  bytes: Buffer,
  start: number,
  end: number,
  field: number,
  expected: Decision,
): void {
  const at = findField(bytes, start, end, field);
  const outcome = at === -1 ? end : at + varintBytes(bytes, at);
  const outcomeEnd = at === -1 ? end : outcome + readVarint(bytes, at);
  const decisionAt = findField(bytes, outcome, outcomeEnd, decision);
  const found = decisionAt === -1 ? Decision.UNSPECIFIED : readVarint(bytes, decisionAt);
  if (found !== expected) throw new Error(`answered ${nameOf(found)}, not ${nameOf(expected)}`);
}

function nameOf(value: number): string {
  return DecisionSchema.values.find(({ number }) => number === value)?.name ?? String(value);
}

function readFlag(bytes: Buffer, start: number, end: number, field: number): boolean {
  const at = findField(bytes, start, end, field);
  return at !== -1 && bytes[at] === 1;
}

function fail(number: number, what: string): never {
  throw new Error(`the answer to call ${number} ${what}`);
}
