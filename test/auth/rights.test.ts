import { connect } from 'node:http2';
import type { IncomingHttpHeaders } from 'node:http2';
import { create } from '@bufbuild/protobuf';
import type { DescMethod, DescMethodServerStreaming, DescMethodUnary } from '@bufbuild/protobuf';
import { ConnectError } from '@connectrpc/connect';
import type { Transport } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport } from '@connectrpc/connect-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ErrorInfoSchema } from '../../gen/google/rpc/error_details_pb.ts';
import { DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import { kindOf, methodKinds } from '../../scripts/admin-shape/method-kind.ts';
import { adminServices } from '../../scripts/admin-shape/services.ts';
import { createPgAccess } from '../../src/auth/pg-access.ts';
import { createPgAccessStore } from '../../src/auth/pg-access-store.ts';
import { rightOf } from '../../src/auth/rights.ts';
import { secretSha256 } from '../../src/platform/secret.ts';
import type { Access } from '../../src/service/auth.ts';
import { isOfDataPlane, roles } from '../../src/service/caller.ts';
import type { Role } from '../../src/service/caller.ts';
import { startAdminPlane } from '../support/admin-plane.ts';
import type { AdminPlane } from '../support/admin-plane.ts';
import { startTestServer } from '../support/data-server.ts';
import type { TestServer } from '../support/data-server.ts';
import { anyChange, plainOrganization } from '../support/organization.ts';
import { errorOf, openSession } from '../support/session.ts';
import type { Operation } from '../support/session.ts';

const adminMethods = (await adminServices()).flatMap(({ methods }) => methods);
const dataMethods: readonly DescMethod[] = DecisionService.methods;

let plane: AdminPlane;
let data: TestServer;
let access: ReturnType<typeof createPgAccess>;

/** Secrets are called as their roles; those of an organization are of acme. */
beforeAll(async () => {
  const open: Access = {
    authenticate: (...presented) => access.authenticate(...presented),
    identify: (...presented) => access.identify(...presented),
  };
  plane = await startAdminPlane({ access: open });
  access = createPgAccess({ pool: plane.database.pool });
  for (const id of ['acme', 'globex']) {
    await plane.store.createOrganization(plainOrganization(id), anyChange);
  }
  data = await startTestServer({ access: open, strangerCalls: 10_000 });
  await createPgAccessStore(plane.database.pool).create(
    roles.map((role) => ({
      name: role,
      role,
      orgIds: role === 'platform_admin' ? undefined : ['acme'],
      sha256: secretSha256(role),
    })),
    'test',
  );
});
afterAll(async () => {
  access.close();
  await data[Symbol.asyncDispose]();
  await plane.stop();
});

const json = (): Transport =>
  createConnectTransport({ baseUrl: plane.url, httpVersion: '2', useBinaryFormat: false });
const grpc = (): Transport => createGrpcTransport({ baseUrl: plane.url });
const dataGrpc = (): Transport => createGrpcTransport({ baseUrl: `http://${data.address}` });

const isUnary = (method: DescMethod): method is DescMethodUnary => method.methodKind === 'unary';
const isStream = (method: DescMethod): method is DescMethodServerStreaming =>
  method.methodKind === 'server_streaming';

/** The reason of the error of a call, or OK. */
async function reasonOf(
  transport: Transport,
  method: DescMethod,
  secret: string | undefined,
  message: Record<string, unknown> = {},
): Promise<string | undefined> {
  const headers: Record<string, string> =
    secret === undefined ? {} : { authorization: `Bearer ${secret}` };
  try {
    if (isUnary(method)) await transport.unary(method, undefined, 10_000, headers, message);
    else if (isStream(method)) {
      const sent = (async function* () {
        yield create(method.input, message);
      })();
      const until = new AbortController();
      const answer = await transport.stream(method, until.signal, 10_000, headers, sent);
      for await (const _ of answer.message) break;
      until.abort();
    } else throw new Error(`this test cannot call ${method.name}`);
    return 'OK';
  } catch (cause) {
    const [info] = ConnectError.from(cause).findDetails(ErrorInfoSchema);
    return info?.reason ?? String(cause);
  }
}

/** What the table says of a role, as the reason of an error; undefined: it is let in. */
function refusalOf(method: DescMethod, role: Role, plane: 'data' | 'admin'): string | undefined {
  const unknown = plane === 'data' ? 'SERVICE_TOKEN_INVALID' : 'ADMIN_SECRET_INVALID';
  if (isOfDataPlane(role) !== (plane === 'data')) return unknown;
  return rightOf(method).roles.includes(role) ? undefined : 'ROLE_FORBIDDEN';
}

const refusals = new Set([
  'ROLE_FORBIDDEN',
  'SERVICE_TOKEN_INVALID',
  'ADMIN_SECRET_INVALID',
  'ADMIN_SECRET_MISSING',
]);
const refusalIn = (reason: string | undefined): string | undefined =>
  reason !== undefined && refusals.has(reason) ? reason : undefined;

// Red with `rightOf` answering `viewers` for every method, and with a service that is left out of the table.
test('every RPC of the protos has a row, and no role of one plane is let in on the other', () => {
  for (const [methods, plane] of [
    [adminMethods, 'admin'],
    [dataMethods, 'data'],
  ] as const) {
    for (const method of methods) {
      const right = rightOf(method);
      const all = [...right.roles, ...(right.forPlatform?.roles ?? [])];
      expect(all.filter((role) => isOfDataPlane(role) !== (plane === 'data'))).toEqual([]);
      expect(all).toContain(plane === 'data' ? 'gateway' : 'platform_admin');
    }
  }
});

test('no RPC that writes is open to viewers', () => {
  const open = adminMethods.filter((method) => rightOf(method).roles.includes('org_viewer'));
  const writes = open.filter((method) => methodKinds[kindOf(method)?.kind ?? 'Get'] === 'write');
  expect(writes.map(({ name }) => name)).toEqual([]);
});

// Red with the judgement taken out of the admin plane's gate.
test.each(adminMethods.map((method) => [method.toString(), method] as const))(
  '%s lets in the roles of its row, over Connect JSON and gRPC',
  async (_name, method) => {
    const message = aboutOrg(method, 'acme');
    for (const transport of [json(), grpc()]) {
      const found = await Promise.all(
        roles.map((role) => reasonOf(transport, method, role, message)),
      );
      const expected = roles.map((role) => refusalOf(method, role, 'admin'));
      expect(found.map(refusalIn)).toEqual(expected);
      expect(await reasonOf(transport, method, undefined)).toBe('ADMIN_SECRET_MISSING');
    }
  },
);

/** The same request about an organization; undefined for what names none. */
function aboutOrg({ name, input }: DescMethod, orgId: string): Record<string, unknown> | undefined {
  if (name === 'UpdateOrganization') return { organization: { id: orgId } };
  return input.fields.some((field) => field.name === 'org_id') ? { orgId } : undefined;
}

// Red with `callerForPlatform` that lets everybody in.
test.each(
  adminMethods
    .filter((method) => rightOf(method).forPlatform !== undefined)
    .filter(({ name }) => name !== 'UpdateOrganization')
    .map((method) => [method.toString(), method] as const),
)('%s without an organization is for the platform', async (_name, method) => {
  const isNamed = method.input.fields.some((field) => field.name === 'platform');
  const message = isNamed ? { platform: true } : {};
  expect(await reasonOf(json(), method, 'org_admin', message)).toBe('ROLE_FORBIDDEN');
  // Nothing else is said, so that some of them are refused as invalid.
  const found = await reasonOf(json(), method, 'platform_admin', message);
  expect(refusalIn(found)).toBeUndefined();
});

// Red with `callerForOrg` that lets everybody in.
test.each(adminMethods.map((method) => [method.toString(), method] as const))(
  '%s refuses administrators of another organization',
  async (_name, method) => {
    const foreign = aboutOrg(method, 'globex');
    if (foreign === undefined) return;
    for (const role of ['org_admin', 'org_viewer'] as const) {
      if (!rightOf(method).roles.includes(role)) continue;
      expect(await reasonOf(json(), method, role, foreign)).toBe('ORG_FORBIDDEN');
      const own = await reasonOf(json(), method, role, aboutOrg(method, 'acme'));
      expect(own).not.toBe('ORG_FORBIDDEN');
    }
  },
);

// Red with the judgement taken out of the stream gate and of `serve`.
test.each(dataMethods.filter(isUnary).map((method) => [method.name, method] as const))(
  'the data plane lets in %s by its row',
  async (_name, method) => {
    const transport = dataGrpc();
    const found = await Promise.all(roles.map((role) => reasonOf(transport, method, role)));
    expect(found.map(refusalIn)).toEqual(roles.map((role) => refusalOf(method, role, 'data')));
    expect(await reasonOf(transport, method, undefined)).toBe('SERVICE_TOKEN_MISSING');
  },
);

// Red with the judgement taken out of the stream gate: nothing is answered before the message is there.
test('the data plane refuses a role before the message comes', async () => {
  const client = connect(`http://${data.address}`);
  const stream = client.request({
    ':method': 'POST',
    ':path': '/tollgate.v1.DecisionService/Check',
    'content-type': 'application/grpc',
    te: 'trailers',
    authorization: 'Bearer reporter',
  });
  const headers = await new Promise<IncomingHttpHeaders>((resolve) =>
    stream.once('response', resolve),
  );
  stream.close();
  client.close();
  expect(headers['grpc-status']).toBe('7');
  expect(data.logged.at(-1)).toMatchObject({
    rpc: 'Check',
    error: 'ROLE_FORBIDDEN',
    caller: 'reporter',
  });
});

const operations: readonly Operation[] = [
  { case: 'check', value: {} },
  { case: 'report', value: {} },
  { case: 'release', value: {} },
  { case: 'extend', value: {} },
];

// Red with messages judged as `session`: a reporter's Check was answered.
test.each(['gateway', 'checker', 'reporter'] as const)(
  'each message of the Session of a %s is judged as the RPC that it stands for',
  async (role) => {
    using session = openSession(data.address, role);
    await session.admitted;
    for (const operation of operations) {
      const method = dataMethods.find(({ localName }) => localName === operation.case);
      if (method === undefined) throw new Error('no such method');
      const { reason } = errorOf(await session.ask('one', operation));
      expect([operation.case, refusalIn(reason)]).toEqual([
        operation.case,
        refusalOf(method, role, 'data'),
      ]);
    }
  },
);

test('an administrator opens no Session', async () => {
  using session = openSession(data.address, 'platform_admin');
  expect(await session.end).toEqual(['UNAUTHENTICATED', 'SERVICE_TOKEN_INVALID']);
});
