import type { Duration, Timestamp } from '@bufbuild/protobuf/wkt';
import { PriceScope } from '../../gen/tollgate/v1/call_pb.ts';
import type { PriceRevision } from '../../gen/tollgate/v1/call_pb.ts';
import { Action, LimitStatus, Metric, Window } from '../../gen/tollgate/v1/limit_pb.ts';
import type { ConsideredLimit } from '../../gen/tollgate/v1/limit_pb.ts';
import type { CheckResponse } from '../../gen/tollgate/v1/decision_pb.ts';
import { Decision, HoldState, Reason, StoreContent } from '../../gen/tollgate/v1/outcome_pb.ts';
import type { Outcome } from '../../gen/tollgate/v1/outcome_pb.ts';
import { formatUsd } from '../core/amount.ts';

/** An answer in the terms of a scenario: money as USD text, instants as ISO text, absent as null. */
export type Answer = Readonly<Record<string, unknown>>;

/** The short name of an enum's number: `COST_EXCEEDED`. */
function nameOf(values: Readonly<Record<string, string | number>>, number: number): string | null {
  const name = Object.entries(values).find(([, value]) => value === number)?.[0];
  return name === undefined || name === 'UNSPECIFIED' ? null : name;
}

/** A price revision as files write it: `MODEL gpt-4o 3`, `MODEL gpt-4o flex 3`, `PLATFORM MODEL gpt-4o 3`. */
export function priceRevisionText({ scope, ...price }: PriceRevision): string {
  const whose = price.platform ? 'PLATFORM' : '';
  const parts = [
    whose,
    nameOf(PriceScope, scope),
    price.subject,
    price.serviceTier,
    price.revision,
  ];
  return parts.filter((part) => part !== '').join(' ');
}

/** A decision, with all limits that were considered. */
export function outcomeAnswer(
  outcome: Outcome | undefined,
  more: Partial<Pick<CheckResponse, 'replayed' | 'degraded' | 'holdState' | 'priceRevision'>> = {},
): Answer {
  if (outcome === undefined) return {};
  const { obligations } = outcome;
  return {
    outcome: nameOf(Decision, outcome.decision),
    reason: nameOf(Reason, outcome.reason),
    reasons: outcome.reasons.map((reason) => nameOf(Reason, reason)),
    binding: outcome.binding?.limit ?? null,
    limits: outcome.limits.map(limitAnswer),
    warnings: outcome.warnings.map(({ limit }) => limit),
    retry_after: outcome.retryAfter === undefined ? null : millis(outcome.retryAfter),
    max_output_tokens: obligations?.maxOutputTokens ?? null,
    store_content: obligations && nameOf(StoreContent, obligations.storeContent),
    held: formatUsd(outcome.heldCostNanos),
    held_input: outcome.heldInputTokens,
    held_output: outcome.heldOutputTokens,
    hold_state: more.holdState === undefined ? null : nameOf(HoldState, more.holdState),
    price_revision: more.priceRevision ? priceRevisionText(more.priceRevision) : null,
    replayed: more.replayed ?? false,
    degraded: more.degraded ?? false,
  };
}

function limitAnswer(limit: ConsideredLimit): Answer {
  const isCost = limit.metric === Metric.COST;
  const number = (value: bigint): string => (isCost ? formatUsd(value) : value.toString());
  return {
    is: limit.limit,
    meter: limit.meter?.name ?? null,
    metric: nameOf(Metric, limit.metric),
    window: nameOf(Window, limit.window),
    amount: number(limit.amount),
    declared: number(limit.raised?.declaredAmount ?? limit.amount),
    raises: (limit.raised?.raises ?? []).map(({ raiseId }) => raiseId),
    used: number(limit.used),
    held: number(limit.held),
    ask: number(limit.ask),
    remaining: number(limit.remaining),
    resets_at: limit.resetTime === undefined ? null : instant(limit.resetTime),
    action: nameOf(Action, limit.action),
    status: nameOf(LimitStatus, limit.status),
    revision: limit.revision,
  };
}

function millis(duration: Duration): number {
  return Number(duration.seconds) * 1000 + Math.round(duration.nanos / 1e6);
}

function instant(timestamp: Timestamp): string {
  return new Date(
    Number(timestamp.seconds) * 1000 + Math.floor(timestamp.nanos / 1e6),
  ).toISOString();
}
