import type { IncomingMessage, ServerResponse } from 'node:http';
import { constants } from 'node:http2';
import type { Http2ServerResponse } from 'node:http2';
import type { Connection, Connections } from '../../connections/connections.ts';

/** What is under way on the connections of a port: HTTP/1.1, HTTP/2, TLS or not yet anything. */
export interface Exchanges {
  /** Says that a request has begun on a connection. */
  begin(connection: Connection, request: IncomingMessage, response: ServerResponse): void;
  /** From now on an answer over HTTP/1.1 is the last of its connection. */
  announceEnd(): void;
  /**
   * Cuts the connections on which nothing is under way, and nothing was at the last look: what was answered in
   * between has been sent by then. With `isSending`, a request that has not arrived completely counts as under way.
   */
  cutQuiet(isSending: boolean): void;
  stop(): void;
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly startedMs: number;
}

const lookEveryMs = 1000;

/** The answers that may take longer than others, and how long. */
const lasting = new WeakMap<ServerResponse, number>();

/** Lets an answer take so long before it is cut. */
export function mayLast(response: ServerResponse, mostMs: number): void {
  lasting.set(response, mostMs);
}

/** Nothing under way yet. What takes longer than `mostMs`, as an answer that is not read does, is cut. */
export function createExchanges(connections: Connections, mostMs: number): Exchanges {
  // In order of arrival.
  const underWay = new Map<Exchange, Connection>();
  const wereQuiet = new WeakSet<Connection>();
  let isEnding = false;

  const looking = setInterval(
    () => {
      const nowMs = performance.now();
      for (const exchange of underWay.keys()) {
        if (exchange.startedMs > nowMs - mostMs) return;
        const longMs = lasting.get(exchange.response) ?? mostMs;
        if (exchange.startedMs <= nowMs - longMs) cut(exchange);
      }
    },
    Math.min(lookEveryMs, mostMs / 4),
  );

  return {
    begin(connection, request, response) {
      const exchange = { request, response, startedMs: performance.now() };
      const end = (): void => {
        if (underWay.delete(exchange)) connection.callEnded();
      };
      underWay.set(exchange, connection);
      connection.callBegan();
      wereQuiet.delete(connection);
      response.once('finish', end).once('close', end);
      if (isEnding) makeLast(exchange);
    },
    announceEnd() {
      isEnding = true;
      for (const exchange of underWay.keys()) makeLast(exchange);
    },
    cutQuiet(isSending) {
      const busy = new Set<Connection>();
      for (const [{ request }, connection] of underWay) {
        if (isSending || request.complete) busy.add(connection);
      }
      for (const connection of connections.all()) {
        if (busy.has(connection)) wereQuiet.delete(connection);
        else if (wereQuiet.has(connection)) connection.socket.destroy();
        else wereQuiet.add(connection);
      }
    },
    stop: () => clearInterval(looking),
  };
}

function makeLast({ request, response }: Exchange): void {
  if (request.httpVersionMajor === 1) response.shouldKeepAlive = false;
}

function cut({ request, response }: Exchange): void {
  const { stream } = response as unknown as Partial<Http2ServerResponse>;
  if (stream === undefined) request.socket.destroy();
  else stream.close(constants.NGHTTP2_CANCEL);
}
