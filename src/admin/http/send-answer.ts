import type { IncomingMessage, ServerResponse } from 'node:http';
import { constants } from 'node:http2';
import type { Http2ServerResponse } from 'node:http2';
import type { UniversalServerResponse } from '@connectrpc/connect/protocol';
import { universalResponseToNodeResponse } from '@connectrpc/connect-node';

/** One request and its response. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** How long the rest of a request that has been answered is read, over HTTP/1.1. */
  readonly lingerMs: number;
}

/** Sends the answer of an RPC. With `isLast`, over HTTP/1.1 the connection ends with it. */
export async function sendAnswer(
  exchange: Exchange,
  content: UniversalServerResponse,
  isLast: boolean,
): Promise<void> {
  const { request, response } = exchange;
  if (isLast && !request.complete && request.httpVersionMajor === 1) {
    response.shouldKeepAlive = false;
  }
  dropRest(exchange);
  await universalResponseToNodeResponse(content, response);
}

/** Sends a short text. */
export function sendText(
  exchange: Exchange,
  status: number,
  body: string | Buffer,
  headers: Readonly<Record<string, string>> = {},
): void {
  dropRest(exchange);
  exchange.response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', ...headers });
  exchange.response.end(body);
}

/** Whether the client has given the request up. */
export function isGone(response: ServerResponse): boolean {
  const stream = streamOf(response);
  return stream === undefined ? response.destroyed : stream.destroyed || stream.closed;
}

/** Answers nothing. Clients of HTTP/2 may repeat a call that is refused like this. */
export function sendNothing({ request, response }: Exchange): void {
  const stream = streamOf(response);
  if (stream === undefined) request.socket.destroy();
  else stream.close(constants.NGHTTP2_REFUSED_STREAM);
}

/**
 * What has not arrived of a request when it is answered is not wanted. Over HTTP/2 it is refused after the answer;
 * over HTTP/1.1 it is read and dropped for a while, since it stands before the next request of the connection.
 */
function dropRest({ request, response, lingerMs }: Exchange): void {
  if (request.complete) return;
  const stream = streamOf(response);
  if (stream !== undefined) {
    response.once('finish', () => {
      if (!request.complete) stream.close(constants.NGHTTP2_NO_ERROR);
    });
    return;
  }
  request.resume();
  const { socket } = request;
  const lingering = setTimeout(() => socket.destroy(), lingerMs).unref();
  request.once('end', () => clearTimeout(lingering));
}

function streamOf(response: ServerResponse): Http2ServerResponse['stream'] | undefined {
  return (response as unknown as Partial<Http2ServerResponse>).stream;
}
