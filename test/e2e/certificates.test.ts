import { readFileSync } from 'node:fs';
import { ConnectError, createClient } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { ChannelCredentials, status } from '@grpc/grpc-js';
import type { ServiceError as GrpcError } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AccessService, AccountState, Role } from '../../gen/tollgate/admin/v1/access_pb.ts';
import { ErrorInfoSchema } from '../../gen/google/rpc/error_details_pb.ts';
import { DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import { createPgAccess } from '../../src/auth/pg-access.ts';
import { createPgAccessStore } from '../../src/auth/pg-access-store.ts';
import { createUnaryClient } from '../../src/client/unary-client.ts';
import { secretSha256 } from '../../src/platform/secret.ts';
import type { Access } from '../../src/service/auth.ts';
import { startAdminPlane } from '../support/admin-plane.ts';
import type { AdminPlane } from '../support/admin-plane.ts';
import { startTestServer } from '../support/data-server.ts';
import type { TestServer } from '../support/data-server.ts';

const pem = (name: string) => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url));
const ca = pem('ca.pem');
const tls = { certificate: pem('server.pem'), key: pem('server.key.pem'), clientCa: ca };
const bearer = { headers: { authorization: 'Bearer root' } };

let plane: AdminPlane;
let data: TestServer;
let access: ReturnType<typeof createPgAccess>;
let nowMs = 0;
beforeAll(async () => {
  const open: Access = {
    authenticate: (...presented) => access.authenticate(...presented),
    identify: (...presented) => access.identify(...presented),
  };
  plane = await startAdminPlane({ tls, access: open });
  access = createPgAccess({ pool: plane.database.pool, monotonicMs: () => nowMs });
  data = await startTestServer({ tls, access: open });
  const root = { name: 'root', role: 'platform_admin', orgIds: undefined } as const;
  await createPgAccessStore(plane.database.pool).create(
    [{ ...root, sha256: secretSha256('root') }],
    'test',
  );
});
afterAll(async () => {
  access.close();
  await data[Symbol.asyncDispose]();
  await plane.stop();
});

/** Calls of the admin plane over a connection with a client certificate. */
function adminAs(certificate: 'client' | 'stranger') {
  const nodeOptions = { ca, cert: pem(`${certificate}.pem`), key: pem(`${certificate}.key.pem`) };
  const baseUrl = plane.url.replace('http:', 'https:');
  return createClient(
    AccessService,
    createConnectTransport({ baseUrl, httpVersion: '2', nodeOptions }),
  );
}

/** How a Check over a connection with a client certificate is answered. */
async function checkAs(certificate: 'client' | 'stranger'): Promise<string | undefined> {
  const key = pem(`${certificate}.key.pem`);
  const credentials = ChannelCredentials.createSsl(ca, key, pem(`${certificate}.pem`));
  const client = createUnaryClient({ address: data.address, credentials, token: undefined });
  const answer = await client
    .call(DecisionService.method.check, { orgId: 'acme', target: 'm' })
    .then(() => 'OK')
    .catch((error: GrpcError) => status[error.code]);
  client.close();
  return answer;
}

const reasonOf = (cause: unknown): string | undefined =>
  ConnectError.from(cause).findDetails(ErrorInfoSchema)[0]?.reason;

// Red with certificates that are looked up by the id of an account, and without its state in that look-up.
test('a certificate signs in as the account that has its name, on the plane of its roles, while it may', async () => {
  const root = adminAs('client');
  const create = (id: string, role: Role, name: string) => {
    const account = { id, grants: [{ role, allOrgs: true }], certificateNames: [name] };
    return root.createAccount({ account }, bearer);
  };
  expect(await checkAs('client')).toBe('UNAUTHENTICATED');
  // The first is a DNS name, the second a URI.
  await create('edge', Role.GATEWAY, 'edge.example');
  await create('ops', Role.ORG_VIEWER, 'spiffe://example.org/nobody');
  expect(await checkAs('client')).toBe('OK');
  expect(await checkAs('stranger')).toBe('UNAUTHENTICATED');
  expect(await adminAs('client').getCaller({}).catch(reasonOf)).toBe('ADMIN_SECRET_INVALID');
  const caller = await adminAs('stranger').getCaller({});
  expect(caller.account?.id).toBe('ops');
  expect(await adminAs('stranger').listAccounts({}).catch(reasonOf)).toBe('ROLE_FORBIDDEN');

  const disabled = { id: 'edge', state: AccountState.DISABLED };
  await root.updateAccount({ account: disabled }, bearer);
  nowMs += 1000;
  expect(await checkAs('client')).toBe('UNAUTHENTICATED');
});

test('a certificate is not asked where a secret is presented', async () => {
  const wrong = { headers: { authorization: 'Bearer wrong' } };
  expect(await adminAs('stranger').getCaller({}, wrong).catch(reasonOf)).toBe(
    'ADMIN_SECRET_INVALID',
  );
});
