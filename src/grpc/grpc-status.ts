import { Metadata, status } from '@grpc/grpc-js';
import type { StatusObject } from '@grpc/grpc-js';
import type { ServiceError } from '../platform/service-error.ts';
import { statusBytes } from '../wire/status.ts';

/** A failure as grpc-js sends it, with its google.rpc details. */
export function grpcStatus(error: ServiceError): StatusObject {
  const metadata = new Metadata();
  metadata.set('grpc-status-details-bin', Buffer.from(statusBytes(error)));
  // grpc-js percent-encodes the message and would throw on half a surrogate pair.
  return { code: status[error.kind], details: error.message.toWellFormed(), metadata };
}

/** A gRPC code's name, for log and metrics. */
export function codeName(code: number): string {
  return status[code] ?? String(code);
}
