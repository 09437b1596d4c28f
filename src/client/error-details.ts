import { fromBinary } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import type { ServiceError } from '@grpc/grpc-js';
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from '../../gen/google/rpc/error_details_pb.ts';
import { StatusSchema } from '../../gen/google/rpc/status_pb.ts';
import type { Status } from '../../gen/google/rpc/status_pb.ts';

/** What an error of the data plane says beside its code. */
export interface ErrorDetails {
  /** The stable reason of google.rpc.ErrorInfo. */
  readonly reason: string | undefined;
  /** What google.rpc.ErrorInfo says beside it, by key. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The wrong fields, by their path in the request. */
  readonly violations: readonly { readonly field: string; readonly description: string }[];
  /** How long to wait before a repeat, in milliseconds. */
  readonly retryAfterMs: number | undefined;
}

/** Reads the details of a failed call; all absent if the error has none. */
export function errorDetails(error: ServiceError): ErrorDetails {
  const [bytes] = error.metadata.get('grpc-status-details-bin');
  if (!(bytes instanceof Uint8Array)) {
    return { reason: undefined, metadata: {}, violations: [], retryAfterMs: undefined };
  }
  return detailsOf(fromBinary(StatusSchema, bytes));
}

/** Reads the details of an error that stands among the answers of a Session or a batch. */
export function detailsOf({ details }: Status): ErrorDetails {
  const find = <Found>(read: (any: (typeof details)[number]) => Found | undefined) =>
    details.map(read).find((found) => found !== undefined);
  const delay = find((any) => anyUnpack(any, RetryInfoSchema))?.retryDelay;
  const info = find((any) => anyUnpack(any, ErrorInfoSchema));
  return {
    reason: info?.reason,
    metadata: info?.metadata ?? {},
    violations: find((any) => anyUnpack(any, BadRequestSchema))?.fieldViolations ?? [],
    retryAfterMs:
      delay === undefined ? undefined : Number(delay.seconds) * 1000 + delay.nanos / 1_000_000,
  };
}
