import {
  CheckRequestSchema,
  ExplainRequestSchema,
  ExtendRequestSchema,
  ListTargetsRequestSchema,
  ReleaseRequestSchema,
  ReportRequestSchema,
} from '../../gen/tollgate/v1/decision_pb.ts';
import type {
  CheckRequest,
  ExplainRequest,
  ExtendRequest,
  ListTargetsRequest,
  ReleaseRequest,
  ReportRequest,
} from '../../gen/tollgate/v1/decision_pb.ts';
import { unknownEstimate } from '../core/call.ts';
import type {
  CallInput,
  CheckInput,
  ExtendInput,
  ListTargetsInput,
  ReleaseInput,
  ReportInput,
} from '../service/data-plane.ts';
import {
  addedFromMessage,
  estimateFromMessage,
  readRequests,
  servedFromMessage,
  subjectsFromMessage,
  usageFromMessage,
} from './call.ts';
import { readId, readOptionalId, readRequestId, readSecret } from './fields.ts';
import { viewFromMessage } from './outcome.ts';
import type { View } from './outcome.ts';
import { readTtl } from './time.ts';
import { refuseUnknownFields } from './unknown-fields.ts';
import { collectViolations } from './violations.ts';
import type { Violations } from './violations.ts';

/** A request for a decision, and the requested form of the answer. */
export interface Viewed<Input> {
  readonly input: Input;
  readonly view: View;
}

/** Reads a Check; throws FIELD_INVALID with every fault. */
export function checkFromMessage(message: CheckRequest): Viewed<CheckInput> {
  refuseUnknownFields(CheckRequestSchema, message);
  const violations = collectViolations();
  const input: CheckInput = {
    ...readTenant(violations, message),
    requestId:
      message.requestId === undefined
        ? undefined
        : readRequestId(violations, 'request_id', message.requestId),
    subjects: subjectsFromMessage(violations, 'subjects', message.subjects),
    target: readId(violations, 'target', message.target),
    served: servedFromMessage(violations, message),
    estimate: estimateFromMessage(violations, 'estimate', message.estimate),
    settleNow: message.settleNow,
    ttlMs: readTtl(violations, 'ttl', message.ttl),
    parentRequestId:
      message.parentRequestId === undefined
        ? undefined
        : readRequestId(violations, 'parent_request_id', message.parentRequestId),
  };
  const view = viewFromMessage(violations, 'limit_view', message.limitView);
  violations.throwIfAny();
  return { input, view };
}

/** Reads a Report; throws FIELD_INVALID with every fault. */
export function reportFromMessage(message: ReportRequest): ReportInput {
  refuseUnknownFields(ReportRequestSchema, message);
  const violations = collectViolations();
  const requests = readRequests(violations, 'requests', message.requests);
  const input: ReportInput = {
    ...readTenant(violations, message),
    requestId: readRequestId(violations, 'request_id', message.requestId),
    subjects: subjectsFromMessage(violations, 'subjects', message.subjects),
    target: readOptionalId(violations, 'target', message.target),
    served: servedFromMessage(violations, message),
    usage: message.usageUnknown
      ? { ...unknownUsage(violations, message), requests }
      : usageFromMessage(violations, 'usage', message.usage, requests),
    partial: message.partial,
    usageUnknown: message.usageUnknown,
  };
  violations.throwIfAny();
  return input;
}

/** Nothing is said of usage that is not known, so nothing else may be. */
function unknownUsage(
  violations: Violations,
  { usage, partial }: ReportRequest,
): ReportInput['usage'] {
  if (usage !== undefined) violations.add('usage_unknown', 'must not be set beside usage');
  if (partial) violations.add('usage_unknown', 'must not be set beside partial');
  return unknownEstimate;
}

/** Reads a Release; throws FIELD_INVALID with every fault. */
export function releaseFromMessage(message: ReleaseRequest): ReleaseInput {
  refuseUnknownFields(ReleaseRequestSchema, message);
  const violations = collectViolations();
  const input: ReleaseInput = {
    ...readTenant(violations, message),
    requestId: readRequestId(violations, 'request_id', message.requestId),
  };
  violations.throwIfAny();
  return input;
}

/** Reads an Extend; throws FIELD_INVALID with every fault. */
export function extendFromMessage(message: ExtendRequest): Viewed<ExtendInput> {
  refuseUnknownFields(ExtendRequestSchema, message);
  const violations = collectViolations();
  if (message.sequence < 1) violations.add('sequence', 'must be 1 or more');
  const input: ExtendInput = {
    ...readTenant(violations, message),
    requestId: readRequestId(violations, 'request_id', message.requestId),
    sequence: message.sequence,
    added: addedFromMessage(violations, 'added', message.added),
    ttlMs: readTtl(violations, 'ttl', message.ttl),
  };
  const view = viewFromMessage(violations, 'limit_view', message.limitView);
  violations.throwIfAny();
  return { input, view };
}

/** Reads an Explain; throws FIELD_INVALID with every fault. */
export function explainFromMessage(message: ExplainRequest): CallInput {
  refuseUnknownFields(ExplainRequestSchema, message);
  const violations = collectViolations();
  const input: CallInput = {
    ...readTenant(violations, message),
    subjects: subjectsFromMessage(violations, 'subjects', message.subjects),
    target: readId(violations, 'target', message.target),
    served: servedFromMessage(violations, message),
    estimate: estimateFromMessage(violations, 'estimate', message.estimate),
    settleNow: message.settleNow,
  };
  violations.throwIfAny();
  return input;
}

const maxPageSize = 1000;
const defaultPageSize = 100;

/** Reads a ListTargets; throws FIELD_INVALID with every fault. */
export function listTargetsFromMessage(message: ListTargetsRequest): ListTargetsInput {
  refuseUnknownFields(ListTargetsRequestSchema, message);
  const violations = collectViolations();
  if (message.pageSize < 0) violations.add('page_size', 'must not be negative');
  const input: ListTargetsInput = {
    ...readTenant(violations, message),
    subjects: subjectsFromMessage(violations, 'subjects', message.subjects),
    served: servedFromMessage(violations, message),
    page: {
      size: message.pageSize === 0 ? defaultPageSize : Math.min(message.pageSize, maxPageSize),
      token: message.pageToken === '' ? undefined : message.pageToken,
    },
  };
  violations.throwIfAny();
  return input;
}

/** The organization is named, or the credential names it. */
function readTenant(
  violations: Violations,
  message: { readonly orgId?: string | undefined; readonly credential?: string | undefined },
): Pick<CallInput, 'orgId' | 'credential'> {
  if (message.orgId === undefined && message.credential === undefined) {
    violations.add('org_id', 'must be present unless a credential names the organization');
  }
  return {
    orgId: readOptionalId(violations, 'org_id', message.orgId),
    credential: readSecret(violations, 'credential', message.credential),
  };
}
