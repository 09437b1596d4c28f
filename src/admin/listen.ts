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
  /** Stops accepting, finishes what is in flight within the deadline, then cuts. */
  close(deadlineMs: number): Promise<void>;
}

/** Listens on one port for HTTP/1.1 (curl, browsers) and HTTP/2 (gRPC) alike. */
export async function listen(parts: {
  readonly host: string;
  readonly port: number;
  readonly tls: TlsMaterial | undefined;
  readonly handler: Handler;
}): Promise<Listener> {
  const { host, port, tls, handler } = parts;
  const served = tls === undefined ? plain(handler) : secure(handler, tls);
  const { server } = served;
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: (deadlineMs) => closeWithin(served, sockets, deadlineMs),
  };
}

interface Served {
  readonly server: Server;
  readonly sessions: ReadonlySet<ServerHttp2Session>;
  /** Ends the HTTP/1.1 connections that wait for their next request. */
  readonly endIdle: () => void;
}

/** With TLS the protocol is agreed on in the handshake. */
function secure(handler: Handler, tls: TlsMaterial): Served {
  const { certificate: cert, key, clientCa } = tls;
  const mutual = clientCa === undefined ? {} : { ca: clientCa, requestCert: true };
  const server = createSecureServer({ allowHTTP1: true, cert, key, ...mutual }, asHttp2(handler));
  return { server, sessions: sessionsOf(server), endIdle: () => {} };
}

/** The same handler for HTTP/2, whose requests and responses are compatible but of another type. */
function asHttp2(handler: Handler): Http2Handler {
  return handler as unknown as Http2Handler;
}

type Http2Handler = (request: Http2ServerRequest, response: Http2ServerResponse) => void;

/** How long a new connection may take to say its first four bytes. */
const firstBytesMs = 10_000;
const preface = Buffer.from('PRI ');

/**
 * Without TLS the first bytes tell HTTP/2 from HTTP/1.1. The HTTP/1.1 server is the one that listens: only so
 * do its time limits for slow requests hold.
 */
function plain(handler: Handler): Served {
  const http1 = createHttp1Server(handler);
  const http2 = createHttp2Server(asHttp2(handler));
  const takeHttp1 = http1.listeners('connection');
  http1.removeAllListeners('connection');
  http1.on('connection', (socket: Socket) => {
    onFirstBytes(socket, (isHttp2) => {
      if (isHttp2) http2.emit('connection', socket);
      else for (const take of takeHttp1) take.call(http1, socket);
    });
  });
  return {
    server: http1,
    sessions: sessionsOf(http2),
    endIdle: () => http1.closeIdleConnections(),
  };
}

/** Looks at a connection's first bytes and puts them back. One that says nothing in time is cut. */
function onFirstBytes(socket: Socket, decide: (isHttp2: boolean) => void): void {
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
  socket.setTimeout(firstBytesMs).on('timeout', cut).on('error', cut).on('readable', look);
}

function sessionsOf(server: Http2Server | Http2SecureServer): ReadonlySet<ServerHttp2Session> {
  const sessions = new Set<ServerHttp2Session>();
  server.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
  });
  return sessions;
}

const endIdleEveryMs = 50;

async function closeWithin(
  { server, sessions, endIdle }: Served,
  sockets: ReadonlySet<Socket>,
  deadlineMs: number,
): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  // Says GOAWAY; the session ends with its last call.
  for (const session of sessions) session.close();
  const idle = setInterval(endIdle, endIdleEveryMs);
  const cut = setTimeout(() => {
    for (const socket of sockets) socket.destroy();
  }, deadlineMs);
  await closed;
  clearInterval(idle);
  clearTimeout(cut);
}
