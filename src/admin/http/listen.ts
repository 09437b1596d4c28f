import { createServer as createHttp1Server } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createSecureServer, createServer as createHttp2Server } from 'node:http2';
import type {
  Http2SecureServer,
  Http2Server,
  Http2ServerRequest,
  Http2ServerResponse,
} from 'node:http2';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { ConnectionMetrics } from '../../connections/connection-metrics.ts';
import { createConnections } from '../../connections/connections.ts';
import type { Connection, ConnectionLimits, Connections } from '../../connections/connections.ts';
import { http2Limits } from '../../connections/http2-limits.ts';
import { answerBadRequest, everyAnswer } from './bad-request.ts';
import { createExchanges } from './exchanges.ts';
import type { Exchanges } from './exchanges.ts';
import { onFirstBytes } from './first-bytes.ts';
import type { Handler } from './rpc-handler.ts';
import { isGone } from './send-answer.ts';
import type { ConnectionTimeouts } from './timeouts.ts';

/** Certificate and key in PEM; with `clientCa`, clients must show a certificate of that authority. */
export interface TlsMaterial {
  readonly certificate: Buffer;
  readonly key: Buffer;
  readonly clientCa: Buffer | undefined;
}

/** What a port is made of. */
export interface ListenParts extends ConnectionLimits {
  readonly host: string;
  readonly port: number;
  readonly tls: TlsMaterial | undefined;
  readonly timeouts: ConnectionTimeouts;
  /** Calls of one connection at once, over HTTP/2; clients keep more to themselves, or open another connection. */
  readonly maxStreams: number;
  readonly connectionMetrics: ConnectionMetrics;
  readonly handler: Handler;
}

/** One port that speaks HTTP/1.1 and HTTP/2. */
export interface Listener {
  readonly port: number;
  /** Stops accepting, cuts what is idle, finishes what is in flight within the deadline, then cuts that too. */
  close(deadlineMs: number): Promise<void>;
}

/** Listens on one port for both HTTP/1.1 (curl, browsers) and HTTP/2 (gRPC). */
export async function listen(parts: ListenParts): Promise<Listener> {
  const { host, port, tls } = parts;
  const connections = createConnections(parts, parts.connectionMetrics);
  const exchanges = createExchanges(connections, parts.timeouts.requestMs);
  const take: Take = (request, response) => {
    // A connection that is lost comes as an error too, at any time; 'close' says all there is to say.
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    const connection = connectionOf(connections, request, response);
    if (connection === undefined) return void response.destroy();
    if (!isGone(response)) {
      exchanges.begin(connection, request, response);
      for (const [name, value] of Object.entries(everyAnswer)) response.setHeader(name, value);
    }
    parts.handler(request, response, connection);
  };
  const served: Served = { connections, take, parts };
  const server = tls === undefined ? plain(served) : secure(served, tls);
  server.prependListener('connection', (socket: Socket) => connections.accept(socket));
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
  } catch (cause) {
    exchanges.stop();
    throw cause;
  }
  return {
    port: (server.address() as AddressInfo).port,
    close: (deadlineMs) => closeWithin(server, connections, exchanges, deadlineMs),
  };
}

/** Takes a request of either protocol; HTTP/2's compatibility layer has the same face. */
type Take = (request: IncomingMessage, response: ServerResponse) => void;

interface Served {
  readonly connections: Connections;
  readonly take: Take;
  readonly parts: ListenParts;
}

/** What one connection of HTTP/2 may ask. */
function http2Options({ maxStreams }: ListenParts) {
  return { ...http2Limits, settings: { maxConcurrentStreams: maxStreams } };
}

/** With TLS the protocol is agreed on in the handshake. */
function secure(served: Served, { certificate: cert, key, clientCa }: TlsMaterial): Server {
  const { connections, parts } = served;
  const mutual = clientCa === undefined ? {} : { ca: clientCa, requestCert: true };
  const handshakeTimeout = parts.greetingTimeoutMs;
  const options = {
    ...http2Options(parts),
    allowHTTP1: true,
    cert,
    key,
    handshakeTimeout,
    ...mutual,
  };
  const server = createSecureServer(options);
  server.prependListener('secureConnection', (socket: TLSSocket) => connections.secured(socket));
  serveHttp2(server, served);
  serveHttp1(server, served);
  // It takes the limits of HTTP/1.1 as properties only, and before it listens.
  Object.assign(server, http1Limits(parts.timeouts));
  return server;
}

/**
 * Without TLS the first bytes distinguish HTTP/2 from HTTP/1.1. The HTTP/1.1 server is the one that listens: only
 * so do its time limits for slow requests hold.
 */
function plain(served: Served): Server {
  const http1 = createHttp1Server(http1Limits(served.parts.timeouts));
  const http2 = createHttp2Server(http2Options(served.parts));
  const takeHttp1 = http1.listeners('connection');
  http1.removeAllListeners('connection');
  http1.on('connection', (socket: Socket) => {
    onFirstBytes(socket, (isHttp2) => {
      if (isHttp2) {
        // The server that listens is one of HTTP/1.1, whose sockets stay half open when the client has gone.
        socket.allowHalfOpen = false;
        http2.emit('connection', socket);
      } else for (const take of takeHttp1) take.call(http1, socket);
    });
  });
  http1.on('request', served.take);
  http1.on('checkExpectation', served.take);
  serveHttp1(http1, served);
  serveHttp2(http2, served);
  return http1;
}

/** Whatever Node would answer by itself has our headers too. */
function serveHttp1(server: Server, { connections }: Served): void {
  server.on('clientError', (error: Error, socket: Socket) => {
    if (connections.find(socket)?.countStrangerCall() === false) return;
    answerBadRequest(error, socket);
  });
}

function serveHttp2(
  server: Http2Server | Http2SecureServer,
  { connections, take, parts }: Served,
): void {
  const takeHttp2 = take as unknown as TakeHttp2;
  server.setTimeout(parts.timeouts.silenceMs);
  server.on('request', takeHttp2);
  server.on('checkExpectation', takeHttp2);
  // With TLS, HTTP/1.1 has its own meaning of this event, and then no response.
  server.on('connect', (request: Http2ServerRequest, response: Http2ServerResponse | Socket) => {
    if ('stream' in response) takeHttp2(request, response);
    else response.destroy();
  });
  server.on('session', (session) => {
    const connection = connections.find(session.socket);
    if (connection === undefined) return session.destroy();
    connection.session = session;
    // In place of the server's own listener: a stream that was reset at once no longer knows its session, and one
    // of a connection that has been cut need not become a request.
    session.removeAllListeners('stream');
    session.on('stream', (stream, headers, flags, rawHeaders) => {
      if (connection.socket.destroyed) return;
      connectionOfStream.set(stream, connection);
      server.emit('stream', stream, headers, flags, rawHeaders);
    });
  });
}

const connectionOfStream = new WeakMap<object, Connection>();

function connectionOf(
  connections: Connections,
  request: IncomingMessage,
  response: ServerResponse,
): Connection | undefined {
  const { stream } = response as unknown as Partial<Http2ServerResponse>;
  return stream === undefined ? connections.find(request.socket) : connectionOfStream.get(stream);
}

type TakeHttp2 = (request: Http2ServerRequest, response: Http2ServerResponse) => void;

const mostCheckEveryMs = 1000;

/** How slow a request over HTTP/1.1 may come; Node looks for those that are slower now and then. */
function http1Limits({ headersMs, requestMs }: ConnectionTimeouts) {
  return {
    headersTimeout: headersMs,
    requestTimeout: requestMs,
    connectionsCheckingInterval: Math.min(headersMs, mostCheckEveryMs),
    // Node would answer that by itself.
    requireHostHeader: false,
  };
}

const lookEveryMs = 50;
/** How long a request that was still being sent when the end was announced may go on being sent. */
const sendingMs = 1000;

async function closeWithin(
  server: Server,
  connections: Connections,
  exchanges: Exchanges,
  deadlineMs: number,
): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  // Says GOAWAY; the session ends with its last call.
  for (const { session } of connections.all()) session?.close();
  exchanges.announceEnd();
  const startedMs = performance.now();
  const looking = setInterval(() => {
    exchanges.cutQuiet(performance.now() - startedMs < sendingMs);
  }, lookEveryMs);
  const cut = setTimeout(() => connections.cutAll(), deadlineMs);
  await closed;
  clearInterval(looking);
  clearTimeout(cut);
  exchanges.stop();
}
