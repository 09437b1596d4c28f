import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** The connections of a port, and what is under way on each: HTTP/1.1, HTTP/2, TLS or not yet anything. */
export interface Connections {
  add(socket: Socket): void;
  /** Says that a request has come on one of them. */
  begin(request: IncomingMessage, response: ServerResponse): void;
  /** From now on an answer over HTTP/1.1 is its connection's last. */
  announceEnd(): void;
  /**
   * Cuts those on which nothing is under way, and nothing was at the last look: what was answered in between
   * is out by then. With `isSending`, a request that has not come whole counts as under way.
   */
  cutQuiet(isSending: boolean): void;
  cutAll(): void;
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

interface Connection {
  readonly socket: Socket;
  readonly exchanges: Set<Exchange>;
  wasQuiet: boolean;
}

/** An empty list. */
export function createConnections(): Connections {
  const known = new Map<string, Connection>();
  let isEnding = false;
  return {
    add(socket) {
      const peer = peerOf(socket);
      const connection = { socket, exchanges: new Set<Exchange>(), wasQuiet: false };
      known.set(peer, connection);
      socket.once('close', () => {
        if (known.get(peer) === connection) known.delete(peer);
      });
    },
    begin(request, response) {
      const connection = known.get(peerOf(request.socket));
      if (connection === undefined) return;
      const exchange = { request, response };
      const end = (): void => void connection.exchanges.delete(exchange);
      connection.exchanges.add(exchange);
      connection.wasQuiet = false;
      response.once('finish', end).once('close', end);
      if (isEnding) makeLast(exchange);
    },
    announceEnd() {
      isEnding = true;
      for (const { exchanges } of known.values()) for (const one of exchanges) makeLast(one);
    },
    cutQuiet(isSending) {
      for (const connection of known.values()) {
        const { socket, exchanges, wasQuiet } = connection;
        const isBusy = [...exchanges].some(({ request }) => isSending || request.complete);
        if (!isBusy && wasQuiet) socket.destroy();
        connection.wasQuiet = !isBusy;
      }
    },
    cutAll() {
      for (const { socket } of known.values()) socket.destroy();
    },
  };
}

/** The other end: with TLS and HTTP/2 a request knows its connection by nothing else. */
function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

function makeLast({ request, response }: Exchange): void {
  if (request.httpVersionMajor === 1) response.shouldKeepAlive = false;
}
