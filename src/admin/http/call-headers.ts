import type { Compression } from '@connectrpc/connect/protocol';
import { compressionBrotli, compressionGzip } from '@connectrpc/connect-node';
import { grpcTimeoutMs } from '../../connections/grpc-timeout.ts';
import { ServiceError } from '../../platform/service-error.ts';

/** The compressions that are read and written. */
export const compressions: readonly Compression[] = [compressionGzip, compressionBrotli];

/** What the headers of a call say about its time and its body. */
export interface CallHeaders {
  /** gRPC and gRPC-Web put five bytes before a message; Connect does so only where the answer is a stream. */
  readonly isFramed: boolean;
  readonly isJson: boolean;
  /** Undefined: none. */
  readonly compression: Compression | undefined;
  /** How long the client waits at most; infinite unless it says. */
  readonly timeoutMs: number;
  /** What is wrong with them. We write the error ourselves, because Connect's errors for this have no reason. */
  readonly fault: ServiceError | undefined;
}

/** Reads the headers of gRPC, gRPC-Web or Connect. */
export function readCallHeaders(header: Headers): CallHeaders {
  const type = header.get('content-type') ?? '';
  const isGrpc = type.startsWith('application/grpc');
  const isFramed = isGrpc || type.startsWith('application/connect+');
  const encodingHeader = isFramed ? 'connect-content-encoding' : 'content-encoding';
  const encoding = header.get(isGrpc ? 'grpc-encoding' : encodingHeader) ?? 'identity';
  const compression = compressions.find(({ name }) => name === encoding);
  const timeoutMs = isGrpc
    ? grpcTimeoutMs(header.get('grpc-timeout'))
    : connectTimeoutMs(header.get('connect-timeout-ms'));
  const isUnknown = compression === undefined && encoding !== 'identity';
  const fault = isUnknown ? compressionUnknown() : timeoutFault(timeoutMs);
  return {
    isFramed,
    isJson: type.includes('json'),
    compression,
    timeoutMs: timeoutMs ?? Infinity,
    fault,
  };
}

/** Connect: at most ten digits, milliseconds. */
function connectTimeoutMs(text: string | null): number | undefined {
  if (text === null) return Infinity;
  return /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

function timeoutFault(timeoutMs: number | undefined): ServiceError | undefined {
  if (timeoutMs !== undefined) return undefined;
  const expected =
    'expected grpc-timeout as 1 to 8 digits and a unit, connect-timeout-ms as 1 to 10';
  return new ServiceError('TIMEOUT_INVALID', expected);
}

function compressionUnknown(): ServiceError {
  const supported = ['identity', ...compressions.map(({ name }) => name)].join(',');
  const message = `the request is compressed in a way not known here: expected one of ${supported}`;
  return new ServiceError('COMPRESSION_UNKNOWN', message, { metadata: { supported } });
}
