import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { ServiceError } from '../platform/service-error.ts';
import { grpcStatus } from './grpc-status.ts';

/**
 * grpc-js ends a call by itself if it cannot read a message: it is too large, or compressed in a way that grpc-js
 * does not know or cannot undo. It then sends a code without details. Replaces such a status on one stream by ours,
 * as it is sent. Costs two functions, so it is called only where grpc-js may have to.
 */
export function giveReasons(stream: ServerHttp2Stream, maxMessageBytes: number): void {
  const respond = stream.respond.bind(stream);
  const sendTrailers = stream.sendTrailers.bind(stream);
  stream.respond = (headers = {}, options) => {
    respond(isList(headers) ? headers : explained(headers, maxMessageBytes), options);
  };
  stream.sendTrailers = (trailers) => sendTrailers(explained(trailers, maxMessageBytes));
}

function isList(headers: OutgoingHttpHeaders | readonly string[]): headers is readonly string[] {
  return Array.isArray(headers);
}

function explained(headers: OutgoingHttpHeaders, maxMessageBytes: number): OutgoingHttpHeaders {
  const code = Number(headers['grpc-status'] ?? 0);
  if (code === 0 || headers['grpc-status-details-bin'] !== undefined) return headers;
  const error = errorOf(String(headers['grpc-message']), maxMessageBytes);
  if (error === undefined) return headers;
  const { code: ours, details, metadata } = grpcStatus(error);
  const status = { 'grpc-status': ours, 'grpc-message': encodeURI(details) };
  return { ...headers, ...status, ...metadata?.toHttp2Headers() };
}

/** What grpc-js decompresses; it has no list of its own to read. */
const supported = 'identity,deflate,gzip';

function errorOf(said: string, maxMessageBytes: number): ServiceError | undefined {
  if (said.includes('larger')) return messageTooLarge(maxMessageBytes);
  if (said.includes('encoding')) {
    const message = `the request is compressed in a way not known here: expected one of ${supported}`;
    return new ServiceError('COMPRESSION_UNKNOWN', message, { metadata: { supported } });
  }
  if (!said.includes('decompress')) return undefined;
  return new ServiceError('MESSAGE_UNDECODABLE', 'the request cannot be decompressed');
}

/** RESOURCE_EXHAUSTED `MESSAGE_TOO_LARGE`. */
export function messageTooLarge(maxBytes: number): ServiceError {
  return new ServiceError('MESSAGE_TOO_LARGE', `a message may have at most ${maxBytes} bytes`, {
    metadata: { max_bytes: String(maxBytes) },
  });
}
