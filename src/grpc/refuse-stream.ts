import { constants } from 'node:http2';
import type { ServerHttp2Stream } from 'node:http2';
import type { ServiceError } from '../platform/service-error.ts';
import { grpcStatus } from './grpc-status.ts';

/**
 * Answers a stream with a failure that grpc-js has not seen, and reads no more of it. A stream that has begun
 * to answer is only cut.
 */
export function refuseStream(stream: ServerHttp2Stream, error: ServiceError): void {
  if (stream.destroyed || stream.closed) return;
  if (stream.headersSent) {
    stream.close(constants.NGHTTP2_CANCEL);
    return;
  }
  const { code, details, metadata } = grpcStatus(error);
  const head = { ':status': 200, 'content-type': 'application/grpc+proto' };
  const status = { 'grpc-status': String(code), 'grpc-message': encodeURI(details) };
  stream.respond({ ...head, ...status, ...metadata?.toHttp2Headers() }, { endStream: true });
  // Sent after the answer: what the client is still sending is not wanted.
  stream.close(constants.NGHTTP2_NO_ERROR);
}
