import { createServer as createHttp1Server } from 'node:http';
import { createSecureServer, createServer as createHttp2Server } from 'node:http2';
import type {
  Http2SecureServer,
  Http2Server,
  Http2ServerRequest,
  Http2ServerResponse,
  ServerHttp2Session,
} from 'node:http2';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createConnections } from './connections.ts';
import type { Connections } from './connections.ts';
import type { Patience } from './timeouts.ts';
import type { Handler } from './rpc-handler.ts';

/** Certificate and key in PEM; with `clientCa`, clients must show a certificate of that authority. */
export interface TlsMaterial {
  readonly certificate: Buffer;
  readonly key: Buffer;
  readonly clientCa: Buffer | undefined;
}

/** One port that speaks HTTP/1.1 and HTTP/2. */
export interface Listener {
  readonly port: number;
  /** Stops accepting, cuts what is idle, finishes what is in flight within the deadline, then cuts that too. */
  close(deadlineMs: number): Promise<void>;
}

/** Listens on one port for HTTP/1.1 (curl, browsers) and HTTP/2 (gRPC) alike. */
export async function listen(parts: {
  readonly host: string;
  readonly port: number;
  readonly tls: TlsMaterial | undefined;
  readonly patience: Patience;
  readonly handler: Handler;
}): Promise<Listener> {
  const { host, port, tls, patience } = parts;
  const connections = createConnections();
  const handler: Handler = (request, response) => {
    connections.begin(request, response);
    parts.handler(request, response);
  };
  const served = tls === undefined ? plain(handler, patience) : secure(handler, tls, patience);
  const { server } = served;
  server.prependListener('connection', (socket: Socket) => connections.add(socket));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: (deadlineMs) => closeWithin(served, connections, deadlineMs),
  };
}

interface Served {
  readonly server: Server;
  readonly sessions: ReadonlySet<ServerHttp2Session>;
}

/** What one connection of HTTP/2 may ask at once; gRPC's clients open another for more. */
const settings = { maxConcurrentStreams: 100 };

/** With TLS the protocol is agreed on in the handshake. */
function secure(handler: Handler, tls: TlsMaterial, patience: Patience): Served {
  const { certificate: cert, key, clientCa } = tls;
  const { greetingMs: handshakeTimeout, silenceMs } = patience;
  const mutual = clientCa === undefined ? {} : { ca: clientCa, requestCert: true };
  const options = { allowHTTP1: true, cert, key, handshakeTimeout, settings, ...mutual };
  const server = createSecureServer(options, asHttp2(handler));
  server.setTimeout(silenceMs);
  // It takes the limits of HTTP/1.1 as properties only, and before it listens.
  Object.assign(server, http1Limits(patience));
  return { server, sessions: sessionsOf(server) };
}

/** The same handler for HTTP/2, whose requests and responses are compatible but of another type. */
function asHttp2(handler: Handler): Http2Handler {
  return handler as unknown as Http2Handler;
}

type Http2Handler = (request: Http2ServerRequest, response: Http2ServerResponse) => void;

const preface = Buffer.from('PRI ');

/**
 * Without TLS the first bytes tell HTTP/2 from HTTP/1.1. The HTTP/1.1 server is the one that listens: only so
 * do its time limits for slow requests hold.
 */
function plain(handler: Handler, patience: Patience): Served {
  const http1 = createHttp1Server(http1Limits(patience), handler);
  const http2 = createHttp2Server({ settings }, asHttp2(handler));
  http2.setTimeout(patience.silenceMs);
  const takeHttp1 = http1.listeners('connection');
  http1.removeAllListeners('connection');
  http1.on('connection', (socket: Socket) => {
    onFirstBytes(socket, patience.greetingMs, (isHttp2) => {
      if (isHttp2) http2.emit('connection', socket);
      else for (const take of takeHttp1) take.call(http1, socket);
    });
  });
  return { server: http1, sessions: sessionsOf(http2) };
}

const mostCheckEveryMs = 1000;

/** How slow a request over HTTP/1.1 may come; Node looks for those that are slower now and then. */
function http1Limits({ headersMs, requestMs }: Patience) {
  return {
    headersTimeout: headersMs,
    requestTimeout: requestMs,
    connectionsCheckingInterval: Math.min(headersMs, mostCheckEveryMs),
  };
}

/** Looks at a connection's first bytes and puts them back. One that says nothing in time is cut. */
function onFirstBytes(
  socket: Socket,
  greetingMs: number,
  decide: (isHttp2: boolean) => void,
): void {
  let head = Buffer.alloc(0);
  const cut = (): void => {
    socket.destroy();
  };
  const look = (): void => {
    const more = socket.read() as Buffer | null;
    if (more === null) return;
    head = Buffer.concat([head, more]);
    const size = Math.min(head.length, preface.length);
    const isAlike = head.compare(preface, 0, size, 0, size) === 0;
    // Three bytes of a preface may be those of another word: wait for the fourth.
    if (isAlike && size < preface.length) return;
    socket.setTimeout(0).off('timeout', cut).off('error', cut).off('readable', look);
    socket.unshift(head);
    decide(isAlike);
  };
  socket.setTimeout(greetingMs).on('timeout', cut).on('error', cut).on('readable', look);
}

function sessionsOf(server: Http2Server | Http2SecureServer): ReadonlySet<ServerHttp2Session> {
  const sessions = new Set<ServerHttp2Session>();
  server.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
  });
  return sessions;
}

const lookEveryMs = 50;
/** How long a request that was still being sent when the end was announced may go on being sent. */
const sendingMs = 1000;

async function closeWithin(
  { server, sessions }: Served,
  connections: Connections,
  deadlineMs: number,
): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  // Says GOAWAY; the session ends with its last call.
  for (const session of sessions) session.close();
  connections.announceEnd();
  const startedMs = performance.now();
  const looking = setInterval(() => {
    connections.cutQuiet(performance.now() - startedMs < sendingMs);
  }, lookEveryMs);
  const cut = setTimeout(() => connections.cutAll(), deadlineMs);
  await closed;
  clearInterval(looking);
  clearTimeout(cut);
}
