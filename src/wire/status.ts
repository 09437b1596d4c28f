import { create, toBinary } from '@bufbuild/protobuf';
import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import { Code } from '@connectrpc/connect';
import {
  BadRequestSchema,
  ErrorInfoSchema,
  PreconditionFailureSchema,
  RetryInfoSchema,
} from '../../gen/google/rpc/error_details_pb.ts';
import { StatusSchema } from '../../gen/google/rpc/status_pb.ts';
import type { Status } from '../../gen/google/rpc/status_pb.ts';
import { ServiceError } from '../platform/service-error.ts';
import type { ErrorKind } from '../platform/error-reasons.ts';
import { durationOf } from './time.ts';

/** The domain of every ErrorInfo. */
export const errorDomain = 'tollgate';

/** How a kind of failure leaves the house. */
export interface StatusRow {
  /** Connect's code, numbered as gRPC's. */
  readonly code: Code;
  /** How loudly it is logged: the caller's bugs are not ours. */
  readonly log: 'info' | 'warn' | 'error';
}

/** Failure to status: each row says what the caller will do with it. */
export const statusTable: Readonly<Record<ErrorKind, StatusRow>> = {
  // Fix the request. Retrying it unchanged fails again.
  INVALID_ARGUMENT: { code: Code.InvalidArgument, log: 'info' },
  // Repeat with the same request id: it may have happened.
  DEADLINE_EXCEEDED: { code: Code.DeadlineExceeded, log: 'info' },
  // Create what is missing, or fix its name.
  NOT_FOUND: { code: Code.NotFound, log: 'info' },
  // Take the present one, or another name.
  ALREADY_EXISTS: { code: Code.AlreadyExists, log: 'info' },
  // Ask an administrator for permission. Until then a retry fails again.
  PERMISSION_DENIED: { code: Code.PermissionDenied, log: 'info' },
  // Wait as RetryInfo says, then repeat with the same request id.
  RESOURCE_EXHAUSTED: { code: Code.ResourceExhausted, log: 'info' },
  // Fix the state first. Until then a retry fails again.
  FAILED_PRECONDITION: { code: Code.FailedPrecondition, log: 'info' },
  // Read again, decide again, repeat with the new etag.
  ABORTED: { code: Code.Aborted, log: 'info' },
  // Use an encoding that the answer names, or ask a server of a newer release.
  UNIMPLEMENTED: { code: Code.Unimplemented, log: 'info' },
  // Nothing: the caller is gone, so this is only logged.
  CANCELLED: { code: Code.Canceled, log: 'info' },
  // Give up and report it: this is our bug.
  INTERNAL: { code: Code.Internal, log: 'error' },
  // Repeat with the same request id, or follow the operator's failure mode.
  UNAVAILABLE: { code: Code.Unavailable, log: 'warn' },
  // Present a valid secret.
  UNAUTHENTICATED: { code: Code.Unauthenticated, log: 'info' },
};

/** One google.rpc detail: schema and content, as Connect takes it. */
export interface StatusDetail {
  readonly desc: DescMessage;
  readonly value: MessageInitShape<DescMessage>;
}

/** Any failure as a ServiceError: what we did not foresee is INTERNAL, its cause kept for the log only. */
export function asServiceError(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error;
  return new ServiceError('INTERNAL', 'internal error', { cause: error });
}

/** The details of a failure: ErrorInfo always, BadRequest, PreconditionFailure and RetryInfo where they apply. */
export function statusDetails(error: ServiceError): StatusDetail[] {
  const details: StatusDetail[] = [
    {
      desc: ErrorInfoSchema,
      value: { reason: error.reason, domain: errorDomain, metadata: { ...error.metadata } },
    },
  ];
  if (error.violations.length > 0) {
    details.push({ desc: BadRequestSchema, value: { fieldViolations: [...error.violations] } });
  }
  if (error.preconditions.length > 0) {
    const violations = [...error.preconditions];
    details.push({ desc: PreconditionFailureSchema, value: { violations } });
  }
  if (error.retryAfterMs !== undefined) {
    const retryDelay = durationOf(error.retryAfterMs);
    details.push({ desc: RetryInfoSchema, value: { retryDelay } });
  }
  return details;
}

/** A failure as a google.rpc.Status, for answers that hold errors beside answers. */
export function statusToMessage(error: ServiceError): Status {
  const details = statusDetails(error).map(({ desc, value }) => anyPack(desc, create(desc, value)));
  const { code } = statusTable[error.kind];
  return create(StatusSchema, { code, message: error.message, details });
}

/** The bytes of google.rpc.Status, as `grpc-status-details-bin` carries them. */
export function statusBytes(error: ServiceError): Uint8Array {
  return toBinary(StatusSchema, statusToMessage(error));
}
