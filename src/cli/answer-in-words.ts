import { isMessage } from '@bufbuild/protobuf';
import type { Message } from '@bufbuild/protobuf';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import type { Timestamp } from '@bufbuild/protobuf/wkt';
import {
  CheckResponseSchema,
  ExplainResponseSchema,
  ExtendResponseSchema,
  ListTargetsResponseSchema,
  ReleaseResponseSchema,
  ReportResponseSchema,
} from '../../gen/tollgate/v1/decision_pb.ts';
import type { ReportResponse } from '../../gen/tollgate/v1/decision_pb.ts';
import { Metric } from '../../gen/tollgate/v1/limit_pb.ts';
import type { ConsideredLimit } from '../../gen/tollgate/v1/limit_pb.ts';
import { Decision, Reason } from '../../gen/tollgate/v1/outcome_pb.ts';
import type { Outcome } from '../../gen/tollgate/v1/outcome_pb.ts';
import { formatUsd } from '../core/amount.ts';

/** What a person wants to see of an answer of the data plane, the decision first. Not a format: it may change. */
export function answerInWords(answer: Message): string {
  if (isMessage(answer, CheckResponseSchema) || isMessage(answer, ExtendResponseSchema)) {
    const notes = flags({
      replayed: answer.replayed,
      degraded: 'degraded' in answer && answer.degraded,
    });
    return answer.outcome ? decided(answer.requestId, answer.outcome, notes) : '';
  }
  if (isMessage(answer, ReportResponseSchema)) return booked(answer);
  if (isMessage(answer, ReleaseResponseSchema)) {
    return `RELEASED ${answer.requestId}${flags({ replayed: answer.replayed })}`;
  }
  if (isMessage(answer, ExplainResponseSchema)) return answer.explanation;
  if (isMessage(answer, ListTargetsResponseSchema)) {
    const rows = answer.targets.map(
      ({ name, allowed, reasons }) => `${allowed ? 'ALLOW' : 'DENY '} ${name}${because(reasons)}`,
    );
    return [...rows, ...(answer.nextPageToken === '' ? [] : ['(more pages follow)'])].join('\n');
  }
  return '';
}

function decided(requestId: string, outcome: Outcome, notes: string): string {
  const { decision, binding, warnings } = outcome;
  const isAllowed = decision === Decision.ALLOW;
  const head = isAllowed
    ? `ALLOW ${requestId}${held(outcome)}`
    : `DENY ${requestId}${denial(outcome)}`;
  const others = warnings.filter(({ limit }) => limit !== binding?.limit);
  const limits = binding === undefined ? others : [binding, ...others];
  return [`${head}${notes}`, ...limits.map((limit) => `  ${inWords(limit, isAllowed)}`)].join('\n');
}

function held({ heldCostNanos, expireTime }: Outcome): string {
  return expireTime === undefined
    ? ''
    : `: ${formatUsd(heldCostNanos)} USD held until ${instant(expireTime)}`;
}

function denial({ reasons, retryAfter }: Outcome): string {
  const retry =
    retryAfter === undefined ? '' : `; passes in ${retryAfter.seconds} s at the earliest`;
  return `${because(reasons)}${retry}`;
}

function because(reasons: readonly Reason[]): string {
  const names = new Map(Object.entries(Reason).map(([name, number]) => [number as number, name]));
  const words = reasons.map((reason) => names.get(reason) ?? `reason ${reason}`);
  return words.length === 0 ? '' : `: ${words.join(', ')}`;
}

const unitOf: ReadonlyMap<number, string> = new Map<number, string>([
  [Metric.COST, 'USD'],
  [Metric.TOKENS, 'tokens'],
  [Metric.INPUT_TOKENS, 'input tokens'],
  [Metric.OUTPUT_TOKENS, 'output tokens'],
  [Metric.REQUESTS, 'requests'],
  [Metric.CONCURRENCY, 'calls in flight'],
]);

/** `team:research/pace: 59 of 60 requests left, until 2026-11-21T12:58:00.000Z`. */
function inWords(limit: ConsideredLimit, isAllowed: boolean): string {
  const number = limit.metric === Metric.COST ? formatUsd : String;
  const left = `${number(limit.remaining)} of ${number(limit.amount)} ${unitOf.get(limit.metric) ?? ''} left`;
  const ask = isAllowed ? '' : `, ${number(limit.ask)} asked`;
  const end = limit.resetTime === undefined ? '' : `, until ${instant(limit.resetTime)}`;
  return `${limit.limit}: ${left}${ask}${end}`;
}

function booked(answer: ReportResponse): string {
  const { overHold, late, replayed, unpriced, postPaid, unattributed, usageAssumed } = answer;
  const cost = `BOOKED ${answer.requestId}: ${formatUsd(answer.costNanos)} USD`;
  const tokens = `${answer.inputTokens} input and ${answer.outputTokens} output tokens`;
  const units = Object.entries(answer.units).map(([name, count]) => `${count} ${name}`);
  const notes = flags({
    over_hold: overHold,
    late,
    replayed,
    unpriced,
    post_paid: postPaid,
    unattributed,
    usage_assumed: usageAssumed,
  });
  return `${[cost, tokens, ...units].join(', ')}${notes}`;
}

function flags(all: Readonly<Record<string, boolean>>): string {
  const set = Object.keys(all).filter((name) => all[name]);
  return set.length === 0 ? '' : ` (${set.join(', ')})`;
}

function instant(timestamp: Timestamp): string {
  return timestampDate(timestamp).toISOString();
}
