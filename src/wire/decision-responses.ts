import { ListedTarget_Kind as TargetKind } from '../../gen/tollgate/v1/decision_pb.ts';
import type {
  CheckResponse,
  ExplainResponse,
  ExtendResponse,
  ListTargetsResponse,
  ListedTarget as ListedTargetMessage,
  ReleaseResponse,
  ReportResponse,
} from '../../gen/tollgate/v1/decision_pb.ts';
import { HoldState, Reason } from '../../gen/tollgate/v1/outcome_pb.ts';
import type {
  CheckOutput,
  DecisionOutput,
  ListedTarget,
  ReleaseOutput,
  ReportOutput,
} from '../service/data-plane.ts';
import type { Listed } from '../platform/paging.ts';
import { explanationOf } from './explanation.ts';
import { limitToMessage } from './limit.ts';
import { outcomeToMessage } from './outcome.ts';
import type { View } from './outcome.ts';
import { priceRevisionToMessage } from './price-revision.ts';
import { unitsToMessage } from './units.ts';

/** The answer to a Check, as it is sent. */
export function checkToMessage(output: CheckOutput, view: View): CheckResponse {
  const message: CheckResponse = {
    $typeName: 'tollgate.v1.CheckResponse',
    orgId: output.orgId,
    requestId: output.requestId,
    outcome: outcomeToMessage(output.outcome, view),
    replayed: output.replayed,
    degraded: output.degraded,
    holdState: HoldState[output.holdState ?? 'UNSPECIFIED'],
  };
  const { priceRevision } = output.outcome;
  if (priceRevision !== undefined) {
    message.priceRevision = priceRevisionToMessage(priceRevision);
  }
  return message;
}

/** The answer to a Report, as it is sent. */
export function reportToMessage(output: ReportOutput): ReportResponse {
  const { usage } = output;
  const message: ReportResponse = {
    $typeName: 'tollgate.v1.ReportResponse',
    orgId: output.orgId,
    requestId: output.requestId,
    costNanos: usage.cost,
    inputTokens: usage.input,
    outputTokens: usage.output,
    cachedInputTokens: usage.cachedInput,
    cacheWriteTokens: usage.cacheWrite,
    cacheWrite1hTokens: usage.cacheWrite1h,
    units: unitsToMessage(usage.units),
    reasoningOutputTokens: usage.reasoningOutput,
    overHold: output.overHold,
    late: output.late,
    replayed: output.replayed,
    unpriced: usage.unpriced,
    postPaid: output.postPaid,
    unattributed: output.unattributed,
    usageAssumed: output.usageAssumed,
    warnings: output.warnings.map(limitToMessage),
  };
  if (usage.priceRevision !== undefined) {
    message.priceRevision = priceRevisionToMessage(usage.priceRevision);
  }
  return message;
}

/** The answer to a Release, as it is sent. */
export function releaseToMessage(output: ReleaseOutput): ReleaseResponse {
  return {
    $typeName: 'tollgate.v1.ReleaseResponse',
    orgId: output.orgId,
    requestId: output.requestId,
    replayed: output.replayed,
  };
}

/** The answer to an Extend of the given number, as it is sent. */
export function extendToMessage(
  output: DecisionOutput,
  sequence: number,
  view: View,
): ExtendResponse {
  return {
    $typeName: 'tollgate.v1.ExtendResponse',
    orgId: output.orgId,
    requestId: output.requestId,
    sequence,
    outcome: outcomeToMessage(output.outcome, view),
    replayed: output.replayed,
  };
}

/** The answer to an Explain, as it is sent: always every limit, and the same in words. */
export function explainToMessage(output: DecisionOutput): ExplainResponse {
  return {
    $typeName: 'tollgate.v1.ExplainResponse',
    orgId: output.orgId,
    outcome: outcomeToMessage(output.outcome, 'ALL'),
    explanation: explanationOf(output.outcome),
  };
}

/** The answer to a ListTargets, as it is sent. */
export function listTargetsToMessage({
  items,
  nextToken = '',
}: Listed<ListedTarget>): ListTargetsResponse {
  return {
    $typeName: 'tollgate.v1.ListTargetsResponse',
    targets: items.map(listedTargetToMessage),
    nextPageToken: nextToken,
  };
}

function listedTargetToMessage(target: ListedTarget): ListedTargetMessage {
  return {
    $typeName: 'tollgate.v1.ListedTarget',
    name: target.name,
    kind: TargetKind[target.kind],
    allowed: target.allowed,
    reasons: target.reasons.map((reason) => Reason[reason]),
  };
}
