import { readFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { expect, test } from 'vitest';
import { EnforcementService } from '../../gen/tollgate/admin/v1/enforcement_pb.ts';
import { startAdminPlane } from '../support/admin-plane.ts';
import type { AdminPlane } from '../support/admin-plane.ts';
import { callHeaders, http2Greeting } from '../support/http2-frames.ts';
import { connectRaw } from '../support/raw-connection.ts';

const pem = (name: string) => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url));
const ca = pem('ca.pem');
const certified = {
  certificate: pem('server.pem'),
  key: pem('server.key.pem'),
  clientCa: undefined,
};

const headers = { authorization: 'Bearer root' };
const path = '/tollgate.admin.v1.EnforcementService/ExpireHolds';
const head = `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer root\r\n`;
const halfHead = head.slice(0, -3);
const halfBody = `${head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"orgId":`;
const answered = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n';
const preface = http2Greeting.toString('latin1');
const call = callHeaders(1, path, { authorization: 'Bearer root' });
/** A call over HTTP/2 whose message never comes. */
const stream = preface + call.toString('latin1');
/** Whatever takes longer than this has waited for the deadline. */
const soonMs = 8000;
const deadlineMs = 25_000;

/** A plane with a call under way that ends when it is let go. */
async function startBusyPlane(tls?: typeof certified) {
  const gate = Promise.withResolvers<number>();
  const arrived = Promise.withResolvers<void>();
  const plane = await startAdminPlane({
    tls,
    expireHolds: () => {
      arrived.resolve();
      return gate.promise;
    },
  });
  const baseUrl = tls === undefined ? plane.url : plane.url.replace('http:', 'https:');
  const client = createClient(
    EnforcementService,
    createGrpcTransport({ baseUrl, nodeOptions: { ca } }),
  );
  const underWay = client.expireHolds({}, { headers });
  await arrived.promise;
  return { plane, underWay, finish: () => gate.resolve(1) };
}

/** Whoever came before this has been noticed. */
async function settle(plane: AdminPlane): Promise<void> {
  for (const _ of [1, 2, 3]) await fetch(`${plane.url}/healthz`).catch(() => undefined);
}

const cancelled = ({ logged }: AdminPlane) =>
  logged.filter(({ code }) => code === 'CANCELLED').length;

// Planted: with Node's own `closeIdleConnections` in place of `cutQuiet`, or none of it over TLS, the silent ones
// stay until the deadline.
const silent: readonly [what: string, text: string][] = [
  ['nothing', ''],
  ['half a preface', 'PR'],
  ['half of the headers', halfHead],
  ['half of a body', halfBody],
  ['the preface of HTTP/2', preface],
  ['a call over HTTP/2 without its message', stream],
];
test('idle and silent connections are closed at once, while a call in progress is answered', async () => {
  const { plane, underWay, finish } = await startBusyPlane();
  const texts = [...silent.map(([, text]) => text), answered];
  const idle = await Promise.all(texts.map((text) => connectRaw(plane.server.port, text)));
  await settle(plane);
  const startedMs = performance.now();
  const closed = plane.server.close(deadlineMs);
  await Promise.all(idle.map(({ ended }) => ended));
  finish();
  expect((await underWay).expiredCount).toBe(1n);
  await closed;
  expect(performance.now() - startedMs).toBeLessThan(soonMs);
  // Two of them had begun a call whose message never came whole.
  await expect.poll(() => cancelled(plane)).toBe(2);
  for (const connection of idle) connection.close();
  await plane.database.drop();
});

test('over TLS likewise, from the first byte of the handshake on', async () => {
  const { plane, underWay, finish } = await startBusyPlane(certified);
  const { port } = plane.server;
  const http1 = { ca, ALPNProtocols: ['http/1.1'] };
  const idle = await Promise.all([
    connectRaw(port, ''),
    connectRaw(port, '\x16\x03\x01'),
    connectRaw(port, '', http1),
    connectRaw(port, halfHead, http1),
    connectRaw(port, halfBody, http1),
    connectRaw(port, answered, http1),
    connectRaw(port, '', { ca, ALPNProtocols: ['h2'] }),
    connectRaw(port, preface, { ca, ALPNProtocols: ['h2'] }),
    connectRaw(port, stream, { ca, ALPNProtocols: ['h2'] }),
  ]);
  await settle(plane);
  const startedMs = performance.now();
  const closed = plane.server.close(deadlineMs);
  await Promise.all(idle.map(({ ended }) => ended));
  finish();
  expect((await underWay).expiredCount).toBe(1n);
  await closed;
  expect(performance.now() - startedMs).toBeLessThan(soonMs);
  // Two of them had begun a call whose message never came whole.
  await expect.poll(() => cancelled(plane)).toBe(2);
  for (const connection of idle) connection.close();
  await plane.database.drop();
});

test('what is still under way at the deadline is cut, so that closing ends', async () => {
  const { plane, underWay } = await startBusyPlane();
  const refused = underWay.catch((cause: unknown) => cause);
  await plane.server.close(20);
  expect(await refused).toBeInstanceOf(Error);
  await plane.database.drop();
});

test('an answer over HTTP/1.1 while the end is near says that it is the last', async () => {
  const gate = Promise.withResolvers<number>();
  const arrived = Promise.withResolvers<void>();
  const plane = await startAdminPlane({
    expireHolds: () => {
      arrived.resolve();
      return gate.promise;
    },
  });
  const body = 'Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}';
  const connection = await connectRaw(plane.server.port, head + body);
  await arrived.promise;
  const closed = plane.server.close(deadlineMs);
  gate.resolve(1);
  await closed;
  await connection.ended;
  expect(connection.said).toMatch(/^HTTP\/1\.1 200 [^]*\r\nconnection: close\r\n/i);
  expect(connection.said).toContain('{"expiredCount":"1"}');
  connection.close();
  await plane.database.drop();
});

// Planted: with Node's own limits (10 minutes and more in all) none of them ends within the test's time.
test('who sends slowly, or nothing, is cut in time without any end being near', async () => {
  const timeouts = { headersMs: 1_100, requestMs: 1_200, silenceMs: 1_300 };
  const limits = { timeouts, greetingTimeoutMs: 1_000 };
  const open = await startAdminPlane(limits);
  const secure = await startAdminPlane({ ...limits, tls: certified });
  const http1 = { ca, ALPNProtocols: ['http/1.1'] };
  const slow = await Promise.all([
    ...silent.map(([, text]) => connectRaw(open.server.port, text)),
    connectRaw(secure.server.port, ''),
    connectRaw(secure.server.port, halfHead, http1),
    connectRaw(secure.server.port, halfBody, http1),
    connectRaw(secure.server.port, stream, { ca, ALPNProtocols: ['h2'] }),
  ]);
  await Promise.all(slow.map(({ ended }) => ended));
  for (const connection of slow) connection.close();
  await Promise.all([open.stop(), secure.stop()]);
});

test('a connection of HTTP/2 has a bounded number of calls at once', async () => {
  const plane = await startAdminPlane({ maxStreams: 77 });
  const session = connectHttp2(plane.url);
  const { maxConcurrentStreams } = await new Promise<{ maxConcurrentStreams?: number }>((resolve) =>
    session.once('remoteSettings', resolve),
  );
  expect(maxConcurrentStreams).toBe(77);
  session.destroy();
  await plane.stop();
});
