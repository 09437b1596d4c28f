import { Decision, LimitView, Reason, StoreContent } from '../../gen/tollgate/v1/outcome_pb.ts';
import type { Obligations, Outcome as OutcomeMessage } from '../../gen/tollgate/v1/outcome_pb.ts';
import type { ConsideredLimit as LimitMessage } from '../../gen/tollgate/v1/limit_pb.ts';
import type { Outcome } from '../core/outcome.ts';
import { limitToMessage } from './limit.ts';
import { durationOf, timestampOf } from './time.ts';
import type { Violations } from './violations.ts';

/** Which limits an answer lists. */
export type View = 'BINDING_ONLY' | 'ALL';

/** Reads the view that a request asks for; unspecified is BINDING_ONLY. */
export function viewFromMessage(violations: Violations, field: string, view: LimitView): View {
  switch (view) {
    case LimitView.UNSPECIFIED:
    case LimitView.BINDING_ONLY:
      return 'BINDING_ONLY';
    case LimitView.ALL:
      return 'ALL';
    default:
      violations.add(field, 'must be LIMIT_VIEW_BINDING_ONLY or LIMIT_VIEW_ALL');
      return 'BINDING_ONLY';
  }
}

/** A decision as it is sent. */
export function outcomeToMessage(outcome: Outcome, view: View): OutcomeMessage {
  const message: OutcomeMessage = {
    $typeName: 'tollgate.v1.Outcome',
    decision: Decision[outcome.decision],
    reason: Reason.UNSPECIFIED,
    reasons: outcome.reasons.map((reason) => Reason[reason]),
    warnings: outcome.warnings.flatMap((index) => limitAt(outcome, index)),
    limits: view === 'ALL' ? outcome.limits.map(limitToMessage) : [],
    obligations: obligationsToMessage(outcome),
    heldCostNanos: outcome.heldCost,
    decideTime: timestampOf(outcome.decidedAtMs),
    heldInputTokens: outcome.heldInput,
    heldOutputTokens: outcome.heldOutput,
  };
  const [first] = outcome.reasons;
  if (first !== undefined) message.reason = Reason[first];
  if (outcome.retryAfterMs !== undefined) message.retryAfter = durationOf(outcome.retryAfterMs);
  if (outcome.expiresAtMs !== undefined) message.expireTime = timestampOf(outcome.expiresAtMs);
  const [binding] = outcome.binding === undefined ? [] : limitAt(outcome, outcome.binding);
  if (binding !== undefined) message.binding = binding;
  return message;
}

function limitAt(outcome: Outcome, index: number): LimitMessage[] {
  const limit = outcome.limits[index];
  return limit === undefined ? [] : [limitToMessage(limit)];
}

function obligationsToMessage(outcome: Outcome): Obligations {
  const message: Obligations = {
    $typeName: 'tollgate.v1.Obligations',
    storeContent: StoreContent[outcome.storeContent],
  };
  if (outcome.maxOutputTokens !== undefined) message.maxOutputTokens = outcome.maxOutputTokens;
  return message;
}
