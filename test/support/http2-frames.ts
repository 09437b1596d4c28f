import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** The types of frames that tests write (RFC 9113, section 6). */
export const frameType = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, continuation: 9 };

const endStream = 1;
const endHeaders = 4;

/** One frame of HTTP/2. */
export function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** What a client of HTTP/2 sends first: the preface and its settings, all at their defaults. */
export const http2Greeting = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  frame(frameType.settings, 0, 0, Buffer.alloc(0)),
]);

/** Headers of a gRPC call; with `more` given first. */
export function callHeaders(
  stream: number,
  path: string,
  more: Readonly<Record<string, string>> = {},
): Buffer {
  const fields = { ':method': 'POST', ':scheme': 'http', ':path': path, ':authority': 'x' };
  const all = { ...fields, te: 'trailers', 'content-type': 'application/grpc', ...more };
  const block = Object.entries(all).map(([name, value]) => literal(name, value));
  return frame(frameType.headers, endHeaders, stream, Buffer.concat(block));
}

/** A piece of a call's body. */
export function body(stream: number, bytes: Buffer, isLast: boolean): Buffer {
  return frame(frameType.data, isLast ? endStream : 0, stream, bytes);
}

/** Gives a stream up. */
export function reset(stream: number): Buffer {
  return frame(frameType.reset, 0, stream, Buffer.from([0, 0, 0, 8]));
}

/** A connection that the other end may cut at any time. */
export interface RawHttp2 {
  readonly socket: Socket;
  readonly closed: Promise<void>;
}

/** Connects; reads and forgets what comes. */
export async function connectSocket(port: number): Promise<RawHttp2> {
  const socket = connect(port, '127.0.0.1');
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  await once(socket, 'connect');
  socket.on('error', () => undefined).resume();
  return { socket, closed };
}

/** Connects, over TLS if there is an authority to trust, and greets as a client of HTTP/2 does. */
export async function connectHttp2(port: number, ca?: Buffer): Promise<RawHttp2> {
  const { socket, closed } = await (ca === undefined
    ? connectSocket(port)
    : connectOverTls(port, ca));
  socket.write(http2Greeting);
  return { socket, closed };
}

async function connectOverTls(port: number, ca: Buffer): Promise<RawHttp2> {
  const servername = 'localhost';
  const socket = connectTls({ port, host: '127.0.0.1', ca, servername, ALPNProtocols: ['h2'] });
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  await once(socket, 'secureConnect');
  socket.resume();
  return { socket, closed };
}

/** A field of HPACK as it stands, in no table (RFC 7541, section 6.2.2). */
function literal(name: string, value: string): Buffer {
  const [n, v] = [Buffer.from(name), Buffer.from(value)];
  return Buffer.concat([Buffer.from([0, n.length]), n, Buffer.from([v.length]), v]);
}
