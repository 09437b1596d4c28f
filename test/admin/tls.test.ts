import { readFileSync } from 'node:fs';
import { get } from 'node:https';
import { ConnectError, createClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport } from '@connectrpc/connect-node';
import { expect, test } from 'vitest';
import { ErrorInfoSchema } from '../../gen/google/rpc/error_details_pb.ts';
import { OrganizationService } from '../../gen/tollgate/admin/v1/organizations_pb.ts';
import type { Account } from '../../src/service/auth.ts';
import { startAdminPlane } from '../support/admin-plane.ts';

const pem = (name: string) => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url));
const ca = pem('ca.pem');
const tls = { certificate: pem('server.pem'), key: pem('server.key.pem'), clientCa: undefined };

const acmeAdmin: Account = {
  name: 'edge',
  grants: [{ role: 'org_admin', orgIds: new Set(['acme']) }],
};
const reasonOf = (cause: unknown) =>
  ConnectError.from(cause).findDetails(ErrorInfoSchema)[0]?.reason;

/** The status that `/healthz` is answered with over HTTP/1.1. */
function health(url: string, options: object): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get(`${url}/healthz`, { ca, agent: false, ...options }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).once('error', reject);
  });
}

test('with a certificate and a key one port speaks HTTP/1.1 and HTTP/2 over TLS', async () => {
  const plane = await startAdminPlane({ tls });
  const url = plane.url.replace('http:', 'https:');
  const transport = createGrpcTransport({ baseUrl: url, nodeOptions: { ca } });
  const headers = { authorization: 'Bearer root' };
  const listed = await createClient(OrganizationService, transport).listOrganizations(
    {},
    { headers },
  );
  expect(listed.organizations).toEqual([]);
  expect(await health(url, {})).toBe(200);
  await expect(fetch(`${plane.url}/healthz`)).rejects.toThrow();
  await plane.stop();
});

test('with a client authority, a client without its certificate does not come through', async () => {
  const plane = await startAdminPlane({ tls: { ...tls, clientCa: ca } });
  const url = plane.url.replace('http:', 'https:');
  const own = { cert: pem('client.pem'), key: pem('client.key.pem') };
  expect(await health(url, own)).toBe(200);
  await expect(health(url, {})).rejects.toThrow();
  await plane.stop();
});

/** A client of HTTP/1.1 or HTTP/2 with the certificate of a name, and perhaps a secret. */
function connect(url: string, as: 'client' | 'stranger', httpVersion: '1.1' | '2') {
  const nodeOptions = { ca, cert: pem(`${as}.pem`), key: pem(`${as}.key.pem`) };
  const transport = createConnectTransport({ baseUrl: url, httpVersion, nodeOptions });
  return createClient(OrganizationService, transport);
}

// Planted: without the certificate's name in the call, both are ADMIN_SECRET_MISSING.
test.each(['1.1', '2'] as const)(
  "a client certificate's name stands for the secret over HTTP/%s, as its role allows",
  async (version) => {
    const access = {
      authenticate: () => undefined,
      identify: (name: string, on: string) =>
        name === 'edge.example' && on === 'admin' ? acmeAdmin : undefined,
    };
    const plane = await startAdminPlane({ tls: { ...tls, clientCa: ca }, access });
    const client = connect(plane.url.replace('http:', 'https:'), 'client', version);
    const listed = await client.listOrganizations({});
    const refused = await client.createOrganization({}).catch(reasonOf);
    const mistaken = await client
      .listOrganizations({}, { headers: { authorization: 'Bearer wrong' } })
      .catch(reasonOf);
    await plane.stop();
    expect(listed.organizations).toEqual([]);
    expect(refused).toBe('ROLE_FORBIDDEN');
    expect(mistaken).toBe('ADMIN_SECRET_INVALID');
    expect(plane.logged[0]).toMatchObject({ rpc: 'ListOrganizations', caller: 'edge' });
  },
);

// The peer was seen missing with the admission's argument taken out.
test('a certificate of the authority with an unknown name is UNAUTHENTICATED; its URI is its name', async () => {
  const names: unknown[] = [];
  const access = {
    authenticate: () => acmeAdmin,
    identify: (name: string, _plane: string, peer?: string) => {
      names.push([name, peer]);
      return undefined;
    },
  };
  const plane = await startAdminPlane({ tls: { ...tls, clientCa: ca }, access });
  const client = connect(plane.url.replace('http:', 'https:'), 'stranger', '2');
  const refused = await client.listOrganizations({}).catch(reasonOf);
  await plane.stop();
  expect(refused).toBe('ADMIN_SECRET_INVALID');
  expect(names).toEqual([['spiffe://example.org/nobody', '127.0.0.1']]);
});

test('without a client authority a certificate stands for nothing', async () => {
  const plane = await startAdminPlane({ tls });
  const client = connect(plane.url.replace('http:', 'https:'), 'client', '2');
  const refused = await client.listOrganizations({}).catch(reasonOf);
  await plane.stop();
  expect(refused).toBe('ADMIN_SECRET_MISSING');
});
