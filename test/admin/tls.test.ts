import { readFileSync } from 'node:fs';
import { get } from 'node:https';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { expect, test } from 'vitest';
import { OrganizationService } from '../../gen/tollgate/admin/v1/organizations_pb.ts';
import { startAdminPlane } from '../support/admin-plane.ts';

const pem = (name: string) => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url));
const ca = pem('ca.pem');
const tls = { certificate: pem('server.pem'), key: pem('server.key.pem'), clientCa: undefined };

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
