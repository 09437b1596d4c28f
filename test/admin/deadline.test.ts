import { connect as connectHttp2 } from 'node:http2';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { expect, test } from 'vitest';
import { ErrorInfoSchema } from '../../gen/google/rpc/error_details_pb.ts';
import { EnforcementService } from '../../gen/tollgate/admin/v1/enforcement_pb.ts';
import { answerOf, startAdminPlane } from '../support/admin-plane.ts';
import type { AdminPlane } from '../support/admin-plane.ts';
import { connectRaw } from '../support/raw-connection.ts';

const never = () => new Promise<never>(() => undefined);
const rpc = 'EnforcementService/ExpireHolds';
const path = `/tollgate.admin.v1.${rpc}`;
const headers = { authorization: 'Bearer root' };
const exceeded = { code: 'DEADLINE_EXCEEDED', reason: 'DEADLINE_EXCEEDED' };

async function send(plane: AdminPlane, more: Record<string, string>) {
  const response = await fetch(plane.url + path, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json', ...more },
    body: '{}',
  });
  return answerOf(response.status, JSON.parse(await response.text()));
}

// Planted: without `withinDeadline` about the handler, this and the next wait forever.
test('a call that takes too long is DEADLINE_EXCEEDED by the server, over every protocol', async () => {
  const plane = await startAdminPlane({ timeoutMs: 50, expireHolds: never });
  const json = await plane.call(rpc, {});
  const client = createClient(EnforcementService, createGrpcTransport({ baseUrl: plane.url }));
  const grpc = await client
    .expireHolds({}, { headers })
    .catch((cause: unknown) => ConnectError.from(cause));
  const metrics = await (await fetch(`${plane.url}/metrics`)).text();
  await plane.stop();
  expect(json).toMatchObject({ status: 504, ...exceeded });
  if (!(grpc instanceof ConnectError)) throw new Error('it was answered');
  expect(grpc.code).toBe(Code.DeadlineExceeded);
  expect(grpc.findDetails(ErrorInfoSchema)).toMatchObject([{ reason: 'DEADLINE_EXCEEDED' }]);
  expect(metrics).toContain(
    'tollgate_rpc_answered_total{rpc="ExpireHolds",code="DEADLINE_EXCEEDED"} 2',
  );
  const line = { rpc: 'ExpireHolds', code: 'DEADLINE_EXCEEDED', caller: 'root' };
  expect(plane.logged).toMatchObject([line, line]);
});

test("the client's deadline holds where it is earlier, and never where it is later", async () => {
  const patient = await startAdminPlane({ timeoutMs: 600_000, expireHolds: never });
  const hasty = await startAdminPlane({ timeoutMs: 50, expireHolds: never });
  const grpcWeb = (timeout: string) =>
    fetch(patient.url + path, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/grpc-web+json', 'grpc-timeout': timeout },
      body: new Uint8Array([0, 0, 0, 0, 2, 0x7b, 0x7d]),
    }).then((response) => response.text());
  const earlier = await send(patient, { 'connect-timeout-ms': '50' });
  const framed = await grpcWeb('50000u');
  const later = await send(hasty, { 'connect-timeout-ms': '9999999999' });
  const none = await send(patient, { 'connect-timeout-ms': '0' });
  await Promise.all([patient.stop(), hasty.stop()]);
  expect([earlier, later, none]).toMatchObject([exceeded, exceeded, exceeded]);
  expect(framed).toContain(`grpc-status: ${Code.DeadlineExceeded}`);
});

test('a time that is none is refused by reason', async () => {
  const plane = await startAdminPlane({ expireHolds: never });
  for (const timeout of ['soon', '-1', '1.5', '12345678901', '1m', ' ']) {
    const { code, reason } = await send(plane, { 'connect-timeout-ms': timeout });
    expect([timeout, code, reason]).toEqual([timeout, 'INVALID_ARGUMENT', 'TIMEOUT_INVALID']);
  }
  for (const timeout of ['50', '5s', '123456789m', '-1m']) {
    const framed = { 'content-type': 'application/grpc-web+json', 'grpc-timeout': timeout };
    const response = await fetch(plane.url + path, {
      method: 'POST',
      headers: { ...headers, ...framed },
      body: new Uint8Array([0, 0, 0, 0, 2, 0x7b, 0x7d]),
    });
    const said = `${[...response.headers].join()}${await response.text()}`;
    expect([timeout, said]).toEqual([timeout, expect.stringMatching(/grpc-status[:,] ?3/)]);
  }
  const stranger = await send(plane, { 'connect-timeout-ms': 'soon', authorization: 'Bearer x' });
  await plane.stop();
  expect(stranger.code).toBe('UNAUTHENTICATED');
});

test('a message that does not come in time is answered, and its connection of HTTP/1.1 ends', async () => {
  const plane = await startAdminPlane({ timeoutMs: 50 });
  const connection = await connectRaw(
    plane.server.port,
    `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer root\r\n` +
      'Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"orgId":',
  );
  await connection.ended;
  connection.close();
  await plane.stop();
  expect(connection.said).toMatch(/^HTTP\/1\.1 504 [^]*\r\nconnection: close\r\n/i);
  expect(connection.said).toContain('deadline_exceeded');
});

test('a message that does not come in time over HTTP/2 is answered on its stream', async () => {
  const plane = await startAdminPlane({ timeoutMs: 50 });
  const session = connectHttp2(plane.url);
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    ...headers,
  });
  const trailers = await new Promise<Record<string, unknown>>((resolve) => {
    stream
      .resume()
      .once('trailers', resolve)
      .once('response', (first) => {
        if ('grpc-status' in first) resolve(first);
      });
  });
  session.destroy();
  await plane.stop();
  expect(trailers['grpc-status']).toBe('4');
});

test('a store that cannot look up the caller does not delay the call beyond its deadline', async () => {
  const access = { authenticate: never, identify: never };
  const plane = await startAdminPlane({ timeoutMs: 50, access });
  const answer = await plane.call(rpc, {});
  await plane.stop();
  expect(answer).toMatchObject(exceeded);
});
