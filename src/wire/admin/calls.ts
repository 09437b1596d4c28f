import { create } from '@bufbuild/protobuf';
import { CallState, CallSummarySchema } from '../../../gen/tollgate/admin/v1/calls_pb.ts';
import type {
  CallSummary as SummaryMessage,
  ListCallsRequest,
} from '../../../gen/tollgate/admin/v1/calls_pb.ts';
import { Decision, Reason } from '../../../gen/tollgate/v1/outcome_pb.ts';
import { pathSubjects } from '../../core/path.ts';
import { reasons } from '../../core/reason.ts';
import { saturated } from '../../core/totals.ts';
import type { CallFilter, CallSummary } from '../../service/admin/calls.ts';
import { readRequestId } from '../fields.ts';
import { limitName } from '../limit.ts';
import { subjectToMessage } from '../meter.ts';
import { timestampOf } from '../time.ts';
import type { Violations } from '../violations.ts';
import { readEnumOrNone, readIdOrNone } from './fields.ts';
import { readSubject } from './policies.ts';
import { readSpan } from './span.ts';

/** In the order of the proto's numbers. */
const callStates = ['OPEN', 'DENIED', 'SETTLED', 'RELEASED', 'EXPIRED', 'CHARGED'] as const;
/** In the order of the proto's numbers. */
export const decisions = ['ALLOW', 'DENY'] as const;

/** Reads which calls are asked for. */
export function callFilterFromMessage(
  violations: Violations,
  orgId: string,
  request: Omit<ListCallsRequest, '$typeName' | 'orgId' | 'pageSize' | 'pageToken'>,
): CallFilter {
  const { subject, parentRequestId: parent } = request;
  return {
    orgId,
    ...readSpan(violations, request),
    subject: subject === '' ? undefined : readSubject(violations, 'subject', subject),
    target: readIdOrNone(violations, 'target', request.target),
    decision: readEnumOrNone(violations, 'decision', request.decision, decisions),
    reason: readEnumOrNone(violations, 'denial_reason', request.denialReason, reasons),
    state: readEnumOrNone(violations, 'state', request.state, callStates),
    parent: parent === '' ? undefined : readRequestId(violations, 'parent_request_id', parent),
  };
}

/** Writes a call in one line. */
export function callSummaryToMessage(call: CallSummary): SummaryMessage {
  const { outcome, booked, held } = call;
  const [reason] = outcome?.reasons ?? [];
  const binding = outcome?.binding === undefined ? undefined : outcome.limits[outcome.binding];
  return create(CallSummarySchema, {
    requestId: call.requestId,
    state: CallState[call.state],
    decision: Decision[outcome?.decision ?? 'UNSPECIFIED'],
    reason: Reason[reason ?? 'UNSPECIFIED'],
    bookTime: timestampOf(call.bookedAtMs),
    target: call.target,
    provider: call.served.provider ?? '',
    serviceTier: call.served.serviceTier ?? '',
    subjects: pathSubjects(call.path).map(subjectToMessage),
    user: call.path.user ?? '',
    limit: binding === undefined ? '' : limitName(binding.subject, binding.name),
    heldCostNanos: held.cost,
    heldTokens: saturated(held.input + held.output),
    ...(booked === undefined
      ? {}
      : { costNanos: saturated(booked.cost), tokens: saturated(booked.input + booked.output) }),
    parentRequestId: call.parent ?? '',
    requestCount: call.requests,
  });
}
