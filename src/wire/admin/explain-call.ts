import { create } from '@bufbuild/protobuf';
import {
  ExplainCallResponseSchema,
  ExplainedCallSchema,
} from '../../../gen/tollgate/admin/v1/calls_pb.ts';
import type {
  ExplainCallRequest,
  ExplainCallResponse,
  ExplainedCall as ExplainedMessage,
} from '../../../gen/tollgate/admin/v1/calls_pb.ts';
import type { CallRequest } from '../../core/call.ts';
import type { Outcome } from '../../core/outcome.ts';
import type { Policy } from '../../core/policy.ts';
import { subjectText } from '../../core/subject.ts';
import type { ExplainedCall } from '../../service/admin/explain-call.ts';
import { estimateFromMessage, servedFromMessage, subjectsFromMessage } from '../call.ts';
import { explanationOf } from '../explanation.ts';
import { readId } from '../fields.ts';
import { outcomeToMessage } from '../outcome.ts';
import { priceRevisionToMessage } from '../price-revision.ts';
import type { Violations } from '../violations.ts';
import { isTooLong } from './fields.ts';
import { policyFromMessage } from './policies.ts';

const maxDrafts = 20;

/** Reads the call that is explained. */
export function explainedFromMessage(
  violations: Violations,
  request: ExplainCallRequest,
): CallRequest {
  return {
    subjects: subjectsFromMessage(violations, 'subjects', request.subjects),
    credential: undefined,
    target: readId(violations, 'target', request.target),
    served: servedFromMessage(violations, request),
    estimate: estimateFromMessage(violations, 'estimate', request.estimate),
    settleNow: request.settleNow,
  };
}

/** Reads policies that are not written yet, each of another subject. */
export function draftsFromMessage(
  violations: Violations,
  { drafts }: Pick<ExplainCallRequest, 'drafts'>,
): readonly Policy[] {
  if (isTooLong(violations, 'drafts', drafts, maxDrafts)) return [];
  const seen = new Set<string>();
  return drafts.map((draft, index) => {
    const at = `drafts[${index}]`;
    const policy = policyFromMessage(violations, draft, at);
    const subject = subjectText(policy.subject);
    if (seen.has(subject)) violations.add(`${at}.subject`, 'stands there twice');
    seen.add(subject);
    return policy;
  });
}

/** Writes what a call would be answered. */
export function explainedToMessage({ present, draft }: ExplainedCall): ExplainCallResponse {
  return create(ExplainCallResponseSchema, {
    present: decisionToMessage(present),
    ...(draft === undefined ? {} : { draft: decisionToMessage(draft) }),
  });
}

function decisionToMessage(outcome: Outcome): ExplainedMessage {
  const { priceRevision } = outcome;
  return create(ExplainedCallSchema, {
    outcome: outcomeToMessage(outcome, 'ALL'),
    explanation: explanationOf(outcome),
    ...(priceRevision === undefined
      ? {}
      : { priceRevision: priceRevisionToMessage(priceRevision) }),
  });
}
