import { readFileSync } from 'node:fs';
import { connect as connectHttp2Client, constants } from 'node:http2';
import type { ClientHttp2Session } from 'node:http2';
import { expect, test } from 'vitest';
import { startAdminPlane } from '../support/admin-plane.ts';
import type { AdminPlane } from '../support/admin-plane.ts';
import {
  body,
  callHeaders,
  connectHttp2,
  connectSocket,
  frame,
  frameType,
  reset,
} from '../support/http2-frames.ts';

const rpc = 'EnforcementService/ExpireHolds';
const path = `/tollgate.admin.v1.${rpc}`;
const json = { 'content-type': 'application/json' };
const known = { ...json, authorization: 'Bearer root' };
const wrong = { ...json, authorization: 'Bearer wrong' };

async function series(plane: AdminPlane, name: string): Promise<number> {
  const lines = (await plane.metrics.metrics()).split('\n');
  return Number(lines.find((line) => line.startsWith(`${name} `))?.split(' ')[1] ?? 0);
}

const connections = (plane: AdminPlane) => series(plane, 'tollgate_connections{port="admin"}');
const unread = (plane: AdminPlane) => series(plane, 'tollgate_unread_bytes{port="admin"}');
const cut = (plane: AdminPlane, reason: string) =>
  series(plane, `tollgate_connections_cut_total{port="admin",reason="${reason}"}`);
const refused = (plane: AdminPlane, reason: string) =>
  series(plane, `tollgate_connections_refused_total{port="admin",reason="${reason}"}`);

async function answers(plane: AdminPlane): Promise<void> {
  expect(await plane.call(rpc, {})).toMatchObject({ code: 'OK' });
}

/** Opens and gives up as many calls. */
function rapidReset(calls: number, headers: Readonly<Record<string, string>>): Buffer {
  const pairs = Array.from({ length: calls }, (_, index) => {
    const stream = 2 * index + 1;
    return Buffer.concat([callHeaders(stream, path, headers), reset(stream)]);
  });
  return Buffer.concat(pairs);
}

// Red on the code before, which had no budget: Node closed the connection after a thousand resets, and the calls
// that had begun were all answered.
test.each([
  ['without a secret', json],
  ['with a wrong secret', wrong],
])('calls %s that are reset at once end their connection, and no other', async (_, headers) => {
  const plane = await startAdminPlane({ strangerCalls: 10 });
  await answers(plane);
  const { socket, closed } = await connectHttp2(plane.server.port);
  socket.write(rapidReset(20_000, headers));
  await closed;
  await answers(plane);
  expect(await cut(plane, 'strangers')).toBe(1);
  // The burst, what was filled up meanwhile, and what was being looked up.
  expect(plane.logged.filter(({ code }) => code === 'UNAUTHENTICATED').length).toBeLessThan(400);
  await plane.stop();
});

// Red on the code before: each new connection had a thousand resets of its own.
test('a peer that floods from connection to connection is slowed when it connects', async () => {
  const plane = await startAdminPlane({ strangerCalls: 1 });
  // At once: so many cannot be admitted by and by, however slow the machine is.
  const flood = async (): Promise<void> => {
    const { socket, closed } = await connectHttp2(plane.server.port);
    socket.write(rapidReset(200, wrong));
    await closed;
  };
  for (const connections of [4, 100]) {
    await Promise.all(Array.from({ length: connections }, flood));
  }
  expect(await refused(plane, 'strangers')).toBeGreaterThan(0);
  await plane.stop();
});

// Red on the code before: it answered all of them.
test('a flood of requests over HTTP/1.1 that need no secret ends its connection', async () => {
  const plane = await startAdminPlane({ strangerCalls: 10 });
  const { socket, closed } = await connectSocket(plane.server.port);
  socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(10_000));
  await closed;
  expect(await cut(plane, 'strangers')).toBe(1);
  await plane.stop();
});

// Red on the first code that cut such connections: a request that was under way failed with nobody to listen, which
// ended the process.
test('a flood of calls over HTTP/1.1 with a wrong secret ends its connection, and nothing else', async () => {
  const plane = await startAdminPlane({ strangerCalls: 10 });
  const head = `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer wrong\r\n`;
  const call = `${head}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`;
  const flood = async (): Promise<void> => {
    const { socket, closed } = await connectSocket(plane.server.port);
    socket.write(call.repeat(500));
    await closed;
  };
  await Promise.all(Array.from({ length: 50 }, flood));
  // New connections of this peer are slowed, so the first may be refused.
  const code = () => plane.call(rpc, {}).then((answer) => answer.code, String);
  await expect.poll(code).toBe('OK');
  await plane.stop();
});

/** A call that its client gives up after `timeoutMs`; the status, or how it ended. */
function callWithin(session: ClientHttp2Session, timeoutMs: number): Promise<number | string> {
  return new Promise((resolve) => {
    const stream = session.request({ ':method': 'POST', ':path': path, ...known });
    const timer = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), timeoutMs);
    stream.once('response', (headers) => resolve(headers[':status'] ?? 0));
    stream.once('error', (error) => resolve(error.message));
    stream.once('close', () => {
      clearTimeout(timer);
      resolve(stream.rstCode);
    });
    stream.resume().end('{}');
  });
}

// Red on the code before: Node's limit of a thousand resets closed the connection.
test('short deadlines of a known caller end nothing but their calls', async () => {
  let isSlow = true;
  const plane = await startAdminPlane({
    strangerCalls: 20,
    expireHolds: () => (isSlow ? new Promise<never>(() => undefined) : Promise.resolve(1)),
    maxCallerCalls: 100_000,
  });
  const session = connectHttp2Client(plane.url);
  const ends = new Set<number | string>();
  for (let round = 0; round < 8; round += 1) {
    const calls = Array.from({ length: 300 }, () => callWithin(session, 10));
    for (const end of await Promise.all(calls)) ends.add(end);
  }
  isSlow = false;
  expect(await callWithin(session, 30_000)).toBe(200);
  expect([...ends]).toEqual([constants.NGHTTP2_CANCEL]);
  expect([await cut(plane, 'strangers'), await connections(plane)]).toEqual([0, 1]);
  session.close();
  await plane.stop();
});

// Red on the code before: it stayed for minutes.
test.each([
  ['says nothing', ''],
  ['greets and calls nothing', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0'],
  ['sends half of its headers', 'GET /healthz HTTP/1.1\r\nHost:'],
])('a connection that %s is cut', async (_, text) => {
  const plane = await startAdminPlane({ greetingTimeoutMs: 30 });
  const { socket, closed } = await connectSocket(plane.server.port);
  socket.write(text, 'latin1');
  await closed;
  expect(await cut(plane, 'silent')).toBe(1);
  await plane.stop();
});

// Red on the code before: Node waits two minutes, and nothing was counted.
test('a TLS handshake that does not end is cut', async () => {
  const pem = (name: string) => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url));
  const tls = { certificate: pem('server.pem'), key: pem('server.key.pem'), clientCa: undefined };
  const plane = await startAdminPlane({ tls, greetingTimeoutMs: 30 });
  const { socket, closed } = await connectSocket(plane.server.port);
  socket.write(Buffer.from([22, 3, 1, 1, 0, 1]));
  await closed;
  await expect.poll(() => connections(plane)).toBe(0);
  await plane.stop();
});

// Red on the code before: there was no bound.
test.each([
  ['in total', { maxConnections: 2 }, 'total'],
  ['of one peer', { maxPeerConnections: 2 }, 'peer'],
])('connections are bounded %s', async (_, limits, reason) => {
  const plane = await startAdminPlane(limits);
  const first = await connectHttp2(plane.server.port);
  const second = await connectHttp2(plane.server.port);
  const third = await connectHttp2(plane.server.port);
  await third.closed;
  expect(await refused(plane, reason)).toBe(1);
  first.socket.destroy();
  await expect.poll(() => connections(plane)).toBe(1);
  await answers(plane);
  second.socket.destroy();
  await plane.stop();
});

// Red on the code before: the stream stayed open until its client ended it.
test('a stranger is answered, and what it still wants to send is refused', async () => {
  const plane = await startAdminPlane();
  const { socket } = await connectHttp2(plane.server.port);
  const frames: Buffer[] = [];
  socket.on('data', (bytes: Buffer) => frames.push(bytes));
  socket.write(Buffer.concat([callHeaders(1, path, wrong), body(1, Buffer.from('{'), false)]));
  // RST_STREAM of stream 1 with NO_ERROR, after the answer.
  const refusal = frame(frameType.reset, 0, 1, Buffer.alloc(4));
  await expect.poll(() => Buffer.concat(frames).includes(refusal)).toBe(true);
  expect(plane.logged.map(({ code }) => code)).toEqual(['UNAUTHENTICATED']);
  socket.destroy();
  await plane.stop();
});

// Red on the code before: all of them were kept until the deadline.
test('bodies that have not arrived completely are bounded by caller', async () => {
  const plane = await startAdminPlane({ maxUnreadBytes: 64 * 1024 });
  const { socket } = await connectHttp2(plane.server.port);
  for (const stream of [1, 3]) {
    const piece = body(stream, Buffer.alloc(10_000, 32), false);
    socket.write(Buffer.concat([callHeaders(stream, path, known), piece]));
  }
  await expect.poll(() => plane.logged.map(({ error }) => error)).toEqual(['TOO_MUCH_UNREAD']);
  expect(await unread(plane)).toBe(10_000);
  const viewer = await plane.call('DirectoryService/ListUsers', { orgId: 'acme' }, 'viewer');
  expect(viewer.code).toBe('NOT_FOUND');
  socket.destroy();
  await expect.poll(() => unread(plane)).toBe(0);
  await answers(plane);
  await plane.stop();
});

// Red on the code before: every one of them was begun.
test('a caller has a bounded number of calls under way, also of those it has given up', async () => {
  const gate = Promise.withResolvers<number>();
  const plane = await startAdminPlane({ maxCallerCalls: 3, expireHolds: () => gate.promise });
  const session = connectHttp2Client(plane.url);
  await Promise.all([1, 2, 3].map(() => callWithin(session, 200)));
  const fourth = await plane.call(rpc, {});
  const other = await plane.call('DirectoryService/ListUsers', { orgId: 'acme' }, 'viewer');
  gate.resolve(1);
  await expect.poll(async () => (await plane.call(rpc, {})).code).toBe('OK');
  expect([fourth.reason, other.code]).toEqual(['OVERLOADED', 'NOT_FOUND']);
  session.close();
  await plane.stop();
});

// Red on the code before: the answer waited for minutes.
test('answers that are never taken are given up', async () => {
  const plane = await startAdminPlane({ timeouts: { headersMs: 50, requestMs: 60 } });
  const { socket } = await connectHttp2(plane.server.port);
  // SETTINGS_INITIAL_WINDOW_SIZE of 0: nothing may be sent on a stream.
  socket.write(frame(frameType.settings, 0, 0, Buffer.from([0, 4, 0, 0, 0, 0])));
  socket.write(callHeaders(1, path, known));
  socket.write(body(1, Buffer.from('{}'), true));
  const frames: Buffer[] = [];
  socket.on('data', (bytes: Buffer) => frames.push(bytes));
  const cancelled = frame(frameType.reset, 0, 1, Buffer.from([0, 0, 0, 8]));
  await expect.poll(() => Buffer.concat(frames).includes(cancelled)).toBe(true);
  socket.destroy();
  await plane.stop();
});

// Red on the code before: it was read for as long as some more of it came, up to a minute.
test('the rest of an answered request over HTTP/1.1 is not read for long', async () => {
  const plane = await startAdminPlane({ timeouts: { lingerMs: 50 } });
  const { socket, closed } = await connectSocket(plane.server.port);
  const type = 'Content-Type: application/json\r\nContent-Length: 100000';
  socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\n${type}\r\n\r\n`);
  const sending = setInterval(() => socket.write('{'), 5);
  await closed;
  clearInterval(sending);
  expect(plane.logged).toMatchObject([{ error: 'ADMIN_SECRET_MISSING' }]);
  await plane.stop();
});
