import { connect as connectTcp } from 'node:net';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from '@connectrpc/connect-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BadRequestSchema, ErrorInfoSchema } from '../../gen/google/rpc/error_details_pb.ts';
import { OrganizationService } from '../../gen/tollgate/admin/v1/organizations_pb.ts';
import { plainOrganization, anyChange } from '../support/organization.ts';
import { post, startAdminPlane } from '../support/admin-plane.ts';
import type { AdminPlane } from '../support/admin-plane.ts';
import { connectRaw } from '../support/raw-connection.ts';

let plane: AdminPlane;
beforeAll(async () => {
  plane = await startAdminPlane();
  await plane.store.createOrganization(plainOrganization('acme'), anyChange);
});
afterAll(() => plane.stop());

const headers = { authorization: 'Bearer root' };
const transports = {
  'gRPC over HTTP/2': () => createGrpcTransport({ baseUrl: plane.url }),
  'gRPC-Web over HTTP/1.1': () =>
    createGrpcWebTransport({ baseUrl: plane.url, httpVersion: '1.1' }),
  'gRPC-Web over HTTP/2': () => createGrpcWebTransport({ baseUrl: plane.url, httpVersion: '2' }),
  'Connect in binary': () =>
    createConnectTransport({ baseUrl: plane.url, httpVersion: '1.1', useBinaryFormat: true }),
  'Connect JSON over HTTP/2': () =>
    createConnectTransport({ baseUrl: plane.url, httpVersion: '2', useBinaryFormat: false }),
};

const thrown = (cause: unknown) => ConnectError.from(cause);

test.each(Object.entries(transports))(
  '%s gets the same answers and the same refusals',
  async (_name, make) => {
    const client = createClient(OrganizationService, make());
    const answer = await client.getOrganization({ orgId: 'acme' }, { headers });
    const error = await client.getOrganization({ orgId: 'a b' }, { headers }).catch(thrown);
    const nobody = await client.getOrganization({ orgId: 'acme' }).catch(thrown);
    expect(answer.organization?.id).toBe('acme');
    if (!(error instanceof ConnectError)) throw new Error('it was answered');
    expect(error.code).toBe(Code.InvalidArgument);
    expect(error.findDetails(ErrorInfoSchema)).toMatchObject([
      { reason: 'FIELD_INVALID', domain: 'tollgate' },
    ]);
    expect(error.findDetails(BadRequestSchema)).toMatchObject([
      { fieldViolations: [{ field: 'org_id' }] },
    ]);
    expect(nobody).toMatchObject({ code: Code.Unauthenticated });
  },
);

test('a body that is no message is refused by name, over every framing', async () => {
  const rpc = 'OrganizationService/GetOrganization';
  const json = await post(plane.url, rpc, '{"org_id":', 'root');
  const list = await post(plane.url, rpc, '[]', 'root');
  const bytes = await fetch(`${plane.url}/tollgate.admin.v1.${rpc}`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/proto' },
    body: new Uint8Array([0x0a, 0xff]),
  });
  const framed = await fetch(`${plane.url}/tollgate.admin.v1.${rpc}`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/grpc-web+proto' },
    body: new Uint8Array([0, 0, 0, 0, 2, 0x0a, 0xff]),
  });
  expect(json).toMatchObject({ code: 'INVALID_ARGUMENT', reason: 'MESSAGE_UNDECODABLE' });
  expect(list).toMatchObject({ code: 'INVALID_ARGUMENT', reason: 'FIELD_INVALID' });
  expect(bytes.status).toBe(400);
  expect(await framed.text()).toContain(`grpc-status: ${Code.InvalidArgument}`);
  expect(await post(plane.url, rpc, '{"org_id":"acme"}', 'root')).toMatchObject({ code: 'OK' });
});

test('an oversized message is RESOURCE_EXHAUSTED', async () => {
  const reason = 'x'.repeat(65 * 1024);
  const answer = await plane.call('OrganizationService/UpdateOrganization', { reason });
  expect(answer).toMatchObject({ code: 'RESOURCE_EXHAUSTED', reason: 'MESSAGE_TOO_LARGE' });
});

test('who is not known is refused before the message is read', async () => {
  const answer = await post(plane.url, 'PolicyService/UpdatePolicy', '{"broken', 'stranger');
  expect(answer).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'ADMIN_SECRET_INVALID' });
});

test('a client that says its first bytes one by one is understood', async () => {
  const socket = connectTcp(plane.server.port, '127.0.0.1').setNoDelay();
  let said = '';
  socket.on('data', (data) => (said += data.toString()));
  for (const byte of 'PRI') {
    await new Promise((sent) => socket.write(byte, sent));
    await new Promise(setImmediate);
  }
  socket.write('VATE / HTTP/1.1\r\n\r\n');
  await expect.poll(() => said).toMatch(/^HTTP\/1\.1 400/);
  socket.destroy();
});

// Planted: where Connect's own reading of the URL throws, this ended the process.
test('a request without a host, or with a wrong one, is refused and affects no other call', async () => {
  const path = '/tollgate.admin.v1.OrganizationService/GetOrganization';
  for (const head of [`POST ${path} HTTP/1.0`, `POST ${path} HTTP/1.1\r\nHost: a b[`]) {
    const connection = await connectRaw(plane.server.port, `${head}\r\n\r\n`);
    await expect.poll(() => connection.said).toMatch(/^HTTP\/1\.1 400/);
    connection.close();
  }
  expect((await fetch(`${plane.url}/healthz`)).status).toBe(200);
});

test('health, readiness and metrics stand beside the services; other paths do not', async () => {
  const get = async (path: string) => {
    const response = await fetch(plane.url + path);
    return [response.status, await response.text()];
  };
  const before = await get('/readyz');
  plane.server.setServing(true);
  expect(before).toEqual([503, 'not ready\n']);
  expect(await get('/readyz')).toEqual([200, 'ready\n']);
  expect(await get('/healthz')).toEqual([200, 'ok\n']);
  expect((await get('/metrics'))[0]).toBe(200);
  expect((await get('/etc/passwd'))[0]).toBe(404);
});

test('closing finishes the calls under way, over HTTP/1.1 and HTTP/2, and takes no new ones', async () => {
  const gate = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  let waiting = 0;
  const slow = await startAdminPlane({
    expireHolds: async () => {
      waiting += 1;
      if (waiting === 2) arrived.resolve();
      await gate.promise;
      return 1;
    },
  });
  const http1 = slow.call('EnforcementService/ExpireHolds', {});
  const { EnforcementService } = await import('../../gen/tollgate/admin/v1/enforcement_pb.ts');
  const client = createClient(EnforcementService, createGrpcTransport({ baseUrl: slow.url }));
  const http2 = client.expireHolds({}, { headers });
  await arrived.promise;
  const closed = slow.server.close(10_000);
  gate.resolve();
  expect((await http1).body).toEqual({ expiredCount: '1' });
  expect((await http2).expiredCount).toBe(1n);
  await closed;
  await expect(fetch(`${slow.url}/healthz`)).rejects.toThrow();
  await slow.database.drop();
});
