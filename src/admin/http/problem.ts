import { STATUS_CODES } from 'node:http';
import { fromBinary } from '@bufbuild/protobuf';
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from '../../../gen/google/rpc/error_details_pb.ts';

/** An error as Connect writes it. */
interface ConnectErrorBody {
  readonly message?: string;
  readonly details?: readonly { readonly type: string; readonly value: string }[];
}

/** An error of an HTTP API (RFC 9457), and the headers that go with it. */
export interface Problem {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: object;
}

/** Turns Connect's error into a problem. `fieldOf` translates the names of fields. */
export function problemOf(
  connectStatus: number,
  error: ConnectErrorBody,
  fieldOf: (field: string) => string,
): Problem {
  const detail = (type: string): Uint8Array | undefined => {
    const found = error.details?.find((one) => one.type === `google.rpc.${type}`);
    return found === undefined ? undefined : Buffer.from(found.value, 'base64');
  };
  const [info, faults, retry] = ['ErrorInfo', 'BadRequest', 'RetryInfo'].map(detail);
  const { reason, metadata } = info ? fromBinary(ErrorInfoSchema, info) : noInfo;
  const violations = faults ? fromBinary(BadRequestSchema, faults).fieldViolations : [];
  const retryAfter = retry ? fromBinary(RetryInfoSchema, retry).retryDelay : undefined;
  // The etag came in If-Match, so it is a precondition that failed (RFC 9110), and no conflict.
  const status = reason === 'ETAG_MISMATCH' ? 412 : connectStatus;
  const { etag } = metadata;
  return {
    status,
    headers: {
      'content-type': 'application/problem+json',
      ...(etag === undefined ? {} : { etag: `"${etag}"` }),
      ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
      ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter.seconds || 1n) }),
    },
    body: {
      type: 'about:blank',
      title: STATUS_CODES[status] ?? 'Error',
      status,
      detail: error.message ?? '',
      reason,
      ...(violations.length === 0
        ? {}
        : {
            errors: violations.map(({ field, description }) => ({
              field: fieldOf(field),
              detail: description,
            })),
          }),
    },
  };
}

const noInfo: { readonly reason: string; readonly metadata: Readonly<Record<string, string>> } = {
  reason: 'HTTP',
  metadata: {},
};
