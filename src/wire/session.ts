import type { SessionRequest, SessionResponse } from '../../gen/tollgate/v1/decision_pb.ts';
import { ServiceError, invalidFields } from '../platform/service-error.ts';
import { maxRequestIdLength, readRequestId } from './fields.ts';
import { statusToMessage } from './status.ts';
import { refuseOwnUnknownFields } from './unknown-fields.ts';
import { collectViolations } from './violations.ts';

/** What a Session's message asks for. */
export type Operation = Exclude<SessionRequest['operation'], { readonly case: undefined }>;

/** The answer to an operation, or none yet. */
export type OperationResult = Exclude<
  SessionResponse['result'],
  { readonly case: undefined } | { readonly case: 'error' }
>;

/** Reads what a Session's message asks for; throws FIELD_INVALID with every fault of the message itself. */
export function operationFromMessage(
  message: SessionRequest,
  underWay: ReadonlySet<string>,
): Operation {
  refuseOwnUnknownFields(message);
  const violations = collectViolations();
  const id = readRequestId(violations, 'correlation_id', message.correlationId);
  if (underWay.has(id)) {
    violations.add('correlation_id', 'must not be that of a message that is still under way');
  }
  const { operation } = message;
  if (operation.case === undefined) {
    violations.add('operation', 'must be one of check, report, release, extend');
  }
  violations.throwIfAny();
  if (operation.case === undefined) throw invalidFields([]);
  return operation;
}

/** The answer to a Session's message, as it is sent. */
export function sessionToMessage(
  correlationId: string,
  result: OperationResult | ServiceError,
): SessionResponse {
  return {
    $typeName: 'tollgate.v1.SessionResponse',
    correlationId,
    result:
      result instanceof ServiceError ? { case: 'error', value: statusToMessage(result) } : result,
  };
}

/** The correlation id as an answer repeats it: it is repeated even if invalid, so that the sender recognizes it. */
export function echoedId(correlationId: string): string {
  return correlationId.slice(0, maxRequestIdLength).toWellFormed();
}
