import { EventEmitter } from 'node:events';
import { createSecureServer, createServer } from 'node:http2';
import type { Http2SecureServer, Http2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Server } from '@grpc/grpc-js';
import type { ConnectionMetrics } from '../connections/connection-metrics.ts';
import { createConnections } from '../connections/connections.ts';
import type { ConnectionLimits, Connections } from '../connections/connections.ts';
import { http2Limits } from '../connections/http2-limits.ts';
import type { StreamGate } from './stream-gate.ts';

/** Certificate, key and optionally the authority that client certificates must come from, all PEM. */
export interface ServerTls {
  readonly certificate: Buffer;
  readonly key: Buffer;
  /** Present: every client must show a certificate of this authority. */
  readonly clientCa: Buffer | undefined;
}

/** What the port is made of. */
export interface ListenParts extends ConnectionLimits {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly tls: ServerTls | undefined;
  /** Calls of one connection at once; clients keep more to themselves, or open another connection. */
  readonly maxStreams: number;
  readonly connectionMetrics: ConnectionMetrics;
}

/** The data port. */
export interface DataPort {
  readonly port: number;
  /** Accepts nothing more, lets calls end within the deadline, then cuts them. */
  close(deadlineMs: number): Promise<void>;
}

const KiB = 1024;

/** Opens the port, and hands the streams that the gate lets through to grpc-js. */
export async function listen(
  parts: ListenParts,
  server: Server,
  gate: StreamGate,
): Promise<DataPort> {
  const { host, port, connectionMetrics } = parts;
  const connections = createConnections(parts, connectionMetrics);
  const http2 = createHttp2(parts);
  const behind = serveBehind(server, () => http2.address());
  http2.prependListener('connection', (socket) => connections.accept(socket));
  http2.prependListener('secureConnection', (socket: TLSSocket) => connections.secured(socket));
  http2.on('session', (session) => {
    const connection = connections.find(session.socket);
    if (connection === undefined) return session.destroy();
    connection.session = session;
    behind.emit('session', session);
    // Not of the server: a stream that was reset at once no longer knows its session.
    session.on('stream', (stream, headers) => {
      const handOn = (): void => void behind.emit('stream', stream, headers);
      gate.open({ stream, headers, connection, handOn });
    });
  });
  await new Promise<void>((resolve, reject) => {
    const refuse = (cause: Error): void => {
      reject(new Error(`the data plane cannot listen on ${host}:${port}`, { cause }));
    };
    http2.once('error', refuse);
    http2.listen(port, host, () => {
      http2.off('error', refuse);
      resolve();
    });
  });
  return {
    port: (http2.address() as AddressInfo).port,
    close: (deadlineMs) => closeWithin(http2, connections, deadlineMs),
  };
}

function createHttp2(parts: ListenParts): Http2Server | Http2SecureServer {
  const { tls, maxStreams, greetingTimeoutMs } = parts;
  const settings = { maxConcurrentStreams: maxStreams, maxHeaderListSize: 16 * KiB };
  const options = { ...http2Limits, settings };
  if (tls === undefined) return createServer(options);
  const { certificate: cert, key, clientCa } = tls;
  const mutual = clientCa === undefined ? {} : { ca: clientCa, requestCert: true };
  const handshakeTimeout = greetingTimeoutMs;
  return createSecureServer({ ...options, cert, key, handshakeTimeout, ...mutual });
}

/** The part of grpc-js's server that serves the streams of an HTTP/2 server; it has no public name. */
interface Handlers {
  _setupHandlers(http2: EventEmitter & { address(): unknown }, interceptors: []): void;
}

/**
 * Has grpc-js serve what is emitted as if by an HTTP/2 server. Its own can neither be given limits nor be asked
 * who is connected to it.
 */
function serveBehind(server: Server, address: () => unknown): EventEmitter {
  const behind = Object.assign(new EventEmitter(), { address });
  (server as unknown as Handlers)._setupHandlers(behind, []);
  return behind;
}

async function closeWithin(
  http2: Http2Server | Http2SecureServer,
  connections: Connections,
  deadlineMs: number,
): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    http2.close(() => resolve());
  });
  for (const { session, socket } of connections.all()) {
    if (session === undefined) socket.destroy();
    else session.close();
  }
  const cut = setTimeout(() => connections.cutAll(), deadlineMs);
  await closed;
  clearTimeout(cut);
}
