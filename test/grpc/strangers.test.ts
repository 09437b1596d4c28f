import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { create, toBinary } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import type { ServiceError as GrpcError } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { CheckRequestSchema, DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import { gatewaySecret, startTestServer, stubDataPlane } from '../support/data-server.ts';
import type { TestServer } from '../support/data-server.ts';
import {
  body,
  callHeaders,
  connectHttp2,
  connectSocket,
  frame,
  frameType,
  reset,
} from '../support/http2-frames.ts';

const { method } = DecisionService;
const check = { orgId: 'acme', requestId: 'r1', target: 'gpt-4o' };
const path = '/tollgate.v1.DecisionService/Check';
const known = { authorization: `Bearer ${gatewaySecret}` };

const checkBytes = Buffer.from(toBinary(CheckRequestSchema, create(CheckRequestSchema, check)));

/** A message in gRPC's frame. */
function message(bytes: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

/** Whether one of the frames in these bytes is a RST_STREAM. */
function isReset(bytes: Buffer): boolean {
  for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
    if (bytes[at + 3] === frameType.reset) return true;
  }
  return false;
}

async function count(served: TestServer, series: string): Promise<number> {
  const lines = (await served.registry.metrics()).split('\n');
  return Number(lines.find((line) => line.startsWith(`${series} `))?.split(' ')[1] ?? 0);
}

async function answers(served: TestServer): Promise<void> {
  await expect(served.client.call(method.check, check)).resolves.toMatchObject({ requestId: 'r1' });
}

/** Opens and gives up as many calls. */
function rapidReset(calls: number, headers: Readonly<Record<string, string>> = {}): Buffer {
  const pairs = Array.from({ length: calls }, (_, index) => {
    const stream = 2 * index + 1;
    return Buffer.concat([callHeaders(stream, path, headers), reset(stream)]);
  });
  return Buffer.concat(pairs);
}

function pem(name: string): Buffer {
  return readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url));
}

const tls = { certificate: pem('server.pem'), key: pem('server.key.pem'), clientCa: undefined };

// Red without limits on strangers: every one of the 20,000 calls was begun, and the connection stayed.
test.each([
  ['', undefined],
  [' over TLS', tls],
])('calls%s without a secret that are reset at once end their connection', async (_how, by) => {
  await using served = await startTestServer({ strangerCalls: 10, tls: by });
  const ca = by && pem('ca.pem');
  const { socket, closed } = await connectHttp2(served.server.port, ca);
  socket.write(rapidReset(20_000));
  await closed;
  expect(
    await count(served, 'tollgate_connections_cut_total{port="data",reason="strangers"}'),
  ).toBe(1);
  const refused = served.logged.filter(({ code }) => code === 'UNAUTHENTICATED');
  // The burst, and what was filled up meanwhile.
  expect(refused.length).toBeLessThan(200);
});

test("the end of a stranger's connection ends no other", async () => {
  await using served = await startTestServer({ strangerCalls: 10 });
  await answers(served);
  const { socket, closed } = await connectHttp2(served.server.port);
  socket.write(rapidReset(20_000));
  await closed;
  await answers(served);
});

// Red without the peer's share: each new connection had a burst of its own.
test('a peer that floods from connection to connection is slowed at the door', async () => {
  await using served = await startTestServer({ strangerCalls: 1 });
  await answers(served);
  for (let round = 0; round < 40; round += 1) {
    const { socket, closed } = await connectHttp2(served.server.port);
    socket.write(rapidReset(200, { authorization: 'Bearer tg_gateway_wrong' }));
    await closed;
  }
  await answers(served);
  const refused = 'tollgate_connections_refused_total{port="data",reason="strangers"}';
  expect(await count(served, refused)).toBeGreaterThan(0);
  const begun = served.logged.filter(({ code }) => code === 'UNAUTHENTICATED').length;
  // The peer's burst, what was filled up meanwhile, and none else of 8,000.
  expect(begun).toBeLessThan(200);
});

// Red with Node's defaults of a thousand resets: the connection was closed with HTTP/2 error 2.
test('short deadlines of a known caller end nothing but their calls', async () => {
  let isSlow = false;
  const never = new Promise<never>(() => undefined);
  const slow = stubDataPlane();
  const dataPlane = stubDataPlane({
    check: (input, context) => (isSlow ? never : slow.check(input, context)),
  });
  await using served = await startTestServer({ dataPlane, strangerCalls: 1 });
  await answers(served);
  isSlow = true;
  const codes = new Set<string | undefined>();
  for (let round = 0; round < 8; round += 1) {
    const calls = Array.from({ length: 300 }, () =>
      served.client.call(method.check, check, { timeoutMs: 10 }),
    );
    for (const result of await Promise.allSettled(calls)) {
      if (result.status === 'fulfilled') continue;
      codes.add(status[(result.reason as GrpcError).code]);
    }
  }
  isSlow = false;
  await answers(served);
  expect([...codes]).toEqual(['DEADLINE_EXCEEDED']);
  expect(await count(served, 'tollgate_connections{port="data"}')).toBe(1);
});

// Red before: it stayed forever.
test.each([
  ['says nothing', (socket: Socket) => socket],
  [
    'greets and calls nothing',
    (socket: Socket) => socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  ],
])('a connection that %s is cut', async (_name, speak) => {
  await using served = await startTestServer({ greetingTimeoutMs: 30 });
  const { socket, closed } = await connectSocket(served.server.port);
  speak(socket);
  await closed;
  expect(await count(served, 'tollgate_connections_cut_total{port="data",reason="silent"}')).toBe(
    1,
  );
});

// Red before: there was no bound.
test.each([
  ['in all', { maxConnections: 2 }, 'total'],
  ['of one peer', { maxPeerConnections: 2 }, 'peer'],
])('connections are bounded %s', async (_name, limits, reason) => {
  await using served = await startTestServer(limits);
  await answers(served);
  const second = await connectHttp2(served.server.port);
  const third = await connectHttp2(served.server.port);
  await third.closed;
  await answers(served);
  second.socket.destroy();
  const refused = `tollgate_connections_refused_total{port="data",reason="${reason}"}`;
  expect(await count(served, refused)).toBe(1);
});

// Red before: the unfinished message waited forever.
test('a request that does not come whole in time is answered and reset', async () => {
  await using served = await startTestServer({ rpcTimeoutMs: 60 });
  const { socket } = await connectHttp2(served.server.port);
  socket.write(callHeaders(1, path, known));
  socket.write(body(1, Buffer.from([0, 0, 0, 1, 0, 1]), false));
  await expect.poll(() => served.logged.map(({ error }) => error)).toEqual(['REQUEST_TOO_SLOW']);
  await expect.poll(() => count(served, 'tollgate_unread_bytes{port="data"}')).toBe(0);
  socket.destroy();
});

// Red before: grpc-js kept all of every unfinished message, of anybody.
test('messages that have not come whole are bounded, and a stranger keeps none', async () => {
  await using served = await startTestServer({ maxUnreadBytes: 64 * 1024 });
  const { socket } = await connectHttp2(served.server.port);
  const piece = Buffer.alloc(12_000);
  piece.writeUInt32BE(15_000, 1);
  for (const stream of [1, 3]) {
    socket.write(Buffer.concat([callHeaders(stream, path), body(stream, piece, false)]));
  }
  await expect.poll(() => served.logged.length).toBe(2);
  expect(await count(served, 'tollgate_unread_bytes{port="data"}')).toBe(0);
  for (const stream of [5, 7]) {
    socket.write(Buffer.concat([callHeaders(stream, path, known), body(stream, piece, false)]));
  }
  await expect.poll(() => served.logged.map(({ error }) => error)).toContain('TOO_MUCH_UNREAD');
  await expect.poll(() => count(served, 'tollgate_unread_bytes{port="data"}')).toBe(12_000);
  socket.destroy();
  await expect.poll(() => count(served, 'tollgate_unread_bytes{port="data"}')).toBe(0);
  await answers(served);
});

// Red before: bytes after the message were dropped, or answered UNIMPLEMENTED when they were one.
test.each([
  ['a byte', Buffer.from([0])],
  ['another message', Buffer.alloc(5)],
])('%s after the message of a call is refused', async (_name, more) => {
  await using served = await startTestServer();
  const { socket } = await connectHttp2(served.server.port);
  socket.write(callHeaders(1, path, known));
  socket.write(body(1, Buffer.concat([Buffer.alloc(5), more]), true));
  await expect
    .poll(() => served.logged.map(({ code, error }) => [code, error]))
    .toEqual([['INVALID_ARGUMENT', 'MESSAGE_TRAILING_BYTES']]);
  socket.destroy();
});

// Node's own limits do this; a test, because nothing here works without.
test('floods of headers without an end, and of pings, end their own connection at most', async () => {
  await using served = await startTestServer();
  const { socket: endless, closed } = await connectHttp2(served.server.port);
  endless.write(frame(frameType.headers, 0, 1, Buffer.alloc(0)));
  for (let piece = 0; piece < 1000; piece += 1) {
    endless.write(frame(frameType.continuation, 0, 1, Buffer.alloc(0)));
  }
  await closed;
  const { socket: pinging } = await connectHttp2(served.server.port);
  const ping = frame(frameType.ping, 0, 0, Buffer.alloc(8));
  pinging.write(Buffer.concat(Array<Buffer>(20_000).fill(ping)));
  await answers(served);
  pinging.destroy();
});

// Red before: the answers waited forever, each with its stream.
test('answers that are never taken are given up', async () => {
  await using served = await startTestServer({ rpcTimeoutMs: 60, sessionStallMs: 20 });
  const { socket } = await connectHttp2(served.server.port);
  // SETTINGS_INITIAL_WINDOW_SIZE of 0: nothing may be sent on a stream.
  socket.write(frame(frameType.settings, 0, 0, Buffer.from([0, 4, 0, 0, 0, 0])));
  socket.write(callHeaders(1, path, known));
  socket.write(body(1, message(checkBytes), true));
  const resets: number[] = [];
  socket.on('data', (bytes: Buffer) => {
    if (isReset(bytes)) resets.push(1);
  });
  await expect.poll(() => resets.length).toBe(1);
  socket.destroy();
});

// Red before: Node waits two minutes.
test('a TLS handshake that does not complete is cut', async () => {
  await using served = await startTestServer({ tls, greetingTimeoutMs: 30 });
  const { socket, closed } = await connectSocket(served.server.port);
  socket.write(Buffer.from([22, 3, 1, 1, 0, 1]));
  await closed;
  await expect.poll(() => count(served, 'tollgate_connections{port="data"}')).toBe(0);
});
