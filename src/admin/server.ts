import { createServer as createHttpServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createSecureServer, createServer as createHttp2Server } from 'node:http2';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import type { Registry } from 'prom-client';
import type { Log } from '../platform/log.ts';
import type { Access } from '../service/access.ts';
import { answerErrors, authenticate } from './interceptors.ts';
import { adminRoutes } from './routes.ts';
import type { AdminRouteParts } from './routes.ts';

/** What the admin plane is made of. */
export interface AdminServerParts extends AdminRouteParts {
  readonly access: Access;
  readonly log: Log;
  readonly metrics: Registry;
  readonly host: string;
  readonly port: number;
  readonly tls:
    | { readonly certificate: Buffer; readonly key: Buffer; readonly clientCa: Buffer | undefined }
    | undefined;
  readonly maxMessageBytes: number;
}

/** The admin plane while it serves. */
export interface AdminServer {
  readonly port: number;
  /** What `/readyz` answers. */
  setServing(isServing: boolean): void;
  /** Stops accepting, finishes what is in flight within the deadline, then cuts. */
  close(deadlineMs: number): Promise<void>;
}

/** What answers; HTTP/2's compatibility layer has the same face. */
type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** Starts the admin plane: gRPC, gRPC-Web and Connect JSON, with metrics and health, on one port. */
export async function startAdminServer(parts: AdminServerParts): Promise<AdminServer> {
  let isServing = false;
  const rpc = connectNodeAdapter({
    routes: adminRoutes(parts),
    interceptors: [answerErrors(parts.log), authenticate(parts.access)],
    readMaxBytes: parts.maxMessageBytes,
  }) as Handler;
  const handler: Handler = (request, response) => {
    const text = (status: number, body: string, type = 'text/plain; charset=utf-8'): void => {
      response.writeHead(status, { 'content-type': type });
      response.end(body);
    };
    switch (request.url ?? '/') {
      case '/healthz':
        return text(200, 'ok\n');
      case '/readyz':
        return isServing ? text(200, 'ready\n') : text(503, 'not ready\n');
      case '/metrics':
        parts.metrics.metrics().then(
          (body) => text(200, body, parts.metrics.contentType),
          () => text(500, 'metrics cannot be collected\n'),
        );
        return undefined;
      default:
        return rpc(request, response);
    }
  };
  const { server, sockets } = parts.tls === undefined ? plain(handler) : secure(handler, parts.tls);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(parts.port, parts.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    setServing(is) {
      isServing = is;
    },
    close: (deadlineMs) => closeWithin(server, sockets, deadlineMs),
  };
}

interface Listening {
  readonly server: Server;
  readonly sockets: ReadonlySet<Socket>;
}

/** With TLS the protocol is agreed on in the handshake. */
function secure(handler: Handler, tls: NonNullable<AdminServerParts['tls']>): Listening {
  const { certificate: cert, key, clientCa } = tls;
  const mutual = clientCa === undefined ? {} : { ca: clientCa, requestCert: true };
  const server = createSecureServer({ allowHTTP1: true, cert, key, ...mutual }, asHttp2(handler));
  return { server, sockets: socketsOf(server) };
}

/** The same handler for HTTP/2, whose requests and responses are compatible but of another type. */
function asHttp2(handler: Handler): Http2Handler {
  return handler as unknown as Http2Handler;
}

type Http2Handler = (request: Http2ServerRequest, response: Http2ServerResponse) => void;

const preface = 'PRI ';

/** Without TLS the first bytes tell HTTP/2 (gRPC) from HTTP/1.1 (curl, browsers). */
function plain(handler: Handler): Listening {
  const http1 = createHttpServer(handler);
  const http2 = createHttp2Server(asHttp2(handler));
  const server = createTcpServer((socket) => {
    socket.once('error', () => socket.destroy());
    socket.once('readable', () => {
      const head: Buffer | null = socket.read() as Buffer | null;
      if (head === null) return;
      const isHttp2 = head.toString('latin1', 0, preface.length) === preface;
      socket.unshift(head);
      (isHttp2 ? http2 : http1).emit('connection', socket);
    });
  });
  return { server, sockets: socketsOf(server) };
}

function socketsOf(server: Server): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return sockets;
}

async function closeWithin(
  server: Server,
  sockets: ReadonlySet<Socket>,
  deadlineMs: number,
): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  // Connections that idle would keep the server open for as long as their clients like.
  const cut = setTimeout(
    () => {
      for (const socket of sockets) socket.destroy();
    },
    Math.min(deadlineMs, idleMs),
  );
  await closed;
  clearTimeout(cut);
}

const idleMs = 1000;
