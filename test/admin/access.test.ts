import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { AccessService } from '../../gen/tollgate/admin/v1/access_pb.ts';
import { createPgAccess } from '../../src/auth/pg-access.ts';
import { secretSha256 } from '../../src/platform/secret.ts';
import { startAccessPlane } from '../support/access-plane.ts';
import type { AccessPlane } from '../support/access-plane.ts';
import { callGrpc } from '../support/admin-grpc.ts';
import type { Json } from '../support/admin-plane.ts';

let all: AccessPlane;
let count = 0;
let id = '';
beforeAll(async () => {
  all = await startAccessPlane();
});
afterAll(() => all.stop());
beforeEach(() => {
  count += 1;
  id = `account${count}`;
});

const forAcme = [{ role: 'ROLE_GATEWAY', orgIds: ['acme'] }];
const secretOf = (body: Json): string => String(body['secret']);

async function createGateway(): Promise<string> {
  await all.done('CreateAccount', { account: { id, grants: forAcme } });
  return secretOf(await all.done('CreateAccountSecret', { accountSecret: { accountId: id } }));
}

const rotate = (more: Json = {}): Promise<Json> =>
  all.done('RotateAccountSecret', { accountId: id, id: '1', ...more });

test('an account is made, gets a secret, and calls with it as its roles say', async () => {
  const grants = [
    { role: 'ROLE_CHECKER', orgIds: ['acme'] },
    { role: 'ROLE_REPORTER', allOrgs: true },
  ];
  const { account } = await all.done('CreateAccount', {
    account: { id, displayName: 'Edge', grants },
  });
  const message = { accountSecret: { accountId: id } };
  const { accountSecret, secret } = await all.done('CreateAccountSecret', message);
  expect(account).toMatchObject({
    id,
    displayName: 'Edge',
    kind: 'ACCOUNT_KIND_SERVICE',
    grants,
    state: 'ACCOUNT_STATE_ENABLED',
    etag: '1',
  });
  expect(secret).toMatch(/^tg_gateway_\S{43}$/);
  expect(accountSecret).toMatchObject({ id: '1', lastFour: String(secret).slice(-4) });
  expect(await all.access.authenticate(String(secret), 'data')).toEqual({
    name: id,
    grants: [
      { role: 'checker', orgIds: new Set(['acme']) },
      { role: 'reporter', orgIds: undefined },
    ],
  });
  expect(await all.access.authenticate(String(secret), 'admin')).toBeUndefined();
});

test('the same is made over gRPC, and read in lists', async () => {
  const plane = all.plane.url;
  const grpc = (rpc: string, message: Json) => callGrpc(plane, AccessService, rpc, message);
  await grpc('CreateAccount', { account: { id, grants: forAcme } });
  const made = await grpc('CreateAccountSecret', { accountSecret: { accountId: id } });
  expect(made.body['secret']).toMatch(/^tg_gateway_/);
  const read = await grpc('GetAccount', { id });
  const { body: listed } = await grpc('ListAccounts', { contains: id.toUpperCase() });
  const secrets = await grpc('ListAccountSecrets', { accountId: id });
  expect(listed['accounts']).toEqual([read.body['account']]);
  expect(secrets.body['accountSecrets']).toEqual([made.body['accountSecret']]);
});

// Red with a rehearsal that shows its secret.
test('a secret is shown once: not to a repeat, not by a rehearsal, never in a list or the audit trail', async () => {
  await all.done('CreateAccount', { account: { id, grants: forAcme } });
  const request = { accountSecret: { accountId: id }, requestId: `make ${id}` };
  const rehearsed = await all.done('CreateAccountSecret', { ...request, validateOnly: true });
  const first = await all.done('CreateAccountSecret', request);
  const repeat = await all.done('CreateAccountSecret', request);
  expect([rehearsed['secret'], repeat['secret']]).toEqual([undefined, undefined]);
  expect(repeat['accountSecret']).toEqual(first['accountSecret']);
  const secret = secretOf(first);
  const secrets = await all.done('ListAccountSecrets', { accountId: id });
  expect(secrets['accountSecrets']).toEqual([first['accountSecret']]);
  const other = await all.call('CreateAccountSecret', { ...request, reason: 'another' });
  expect(other.reason).toBe('REQUEST_ID_CONFLICT');
  const { rows } = await all.plane.database.pool.query('SELECT * FROM audit_entry');
  const kept = await all.plane.database.pool.query('SELECT * FROM account_request');
  const told = JSON.stringify([secrets, rows, kept.rows, all.plane.logged]);
  expect(told).toContain(`${id}/1`);
  for (const form of ['hex', 'base64', 'base64url'] as const) {
    expect(told).not.toContain(secretSha256(secret).toString(form));
  }
  expect(told).not.toContain(secret);
});

test('a rotated secret stays valid for the overlap, and no longer than it would have', async () => {
  const old = await createGateway();
  const { secret, replaced, accountSecret } = await rotate({ overlap: '3600s' });
  expect(accountSecret).toMatchObject({ id: '2' });
  expect(replaced).toMatchObject({ id: '1', replacedBy: '2' });
  const { expireTime } = replaced as { expireTime: string };
  expect(Date.parse(expireTime) - Date.now()).toBeGreaterThan(3_500_000);
  expect(Date.parse(expireTime) - Date.now()).toBeLessThan(3_700_000);
  for (const one of [old, String(secret)]) {
    expect(await all.access.authenticate(one, 'data')).toMatchObject({ name: id });
  }
  const next = { accountId: id, id: '2', overlap: '0s' };
  const third = await all.done('RotateAccountSecret', next);
  const replica = createPgAccess({ pool: all.plane.database.pool });
  expect(await replica.authenticate(String(secret), 'data')).toBeUndefined();
  expect(await replica.authenticate(old, 'data')).toMatchObject({ name: id });
  expect(await replica.authenticate(secretOf(third), 'data')).toMatchObject({ name: id });
  replica.close();
});

// Red without the look at `replaced_by`: each of them got a secret, and two were in use.
test('of administrators who rotate a secret at once, one gets the new one', async () => {
  await createGateway();
  const message = { accountId: id, id: '1' };
  const answers = await Promise.all(
    [1, 2, 3, 4].map(() => all.call('RotateAccountSecret', message)),
  );
  const reasons = answers.map(({ reason }) => reason ?? 'OK').toSorted();
  expect(reasons).toEqual([...Array<string>(3).fill('ACCOUNT_SECRET_ENDED'), 'OK']);
  const { accountSecrets } = await all.done('ListAccountSecrets', { accountId: id });
  expect(accountSecrets).toMatchObject([{ id: '1', replacedBy: '2' }, { id: '2' }]);
});

test('a revoked secret and a revoked account are not changed any more', async () => {
  await createGateway();
  const one = { accountId: id, id: '1' };
  const first = await all.done('RevokeAccountSecret', one);
  expect(await all.done('RevokeAccountSecret', one)).toEqual(first);
  expect((await all.call('RotateAccountSecret', one)).reason).toBe('ACCOUNT_SECRET_ENDED');
  const none = await all.call('RevokeAccountSecret', { ...one, id: '7' });
  expect(none).toMatchObject({ reason: 'ACCOUNT_SECRET_NOT_FOUND', metadata: { name: `${id}/7` } });
  const revoked = await all.done('RevokeAccount', { id });
  expect(revoked['account']).toMatchObject({ state: 'ACCOUNT_STATE_REVOKED' });
  expect(await all.done('RevokeAccount', { id })).toEqual(revoked);
  const account = { id, displayName: 'Back', state: 'ACCOUNT_STATE_ENABLED' };
  expect((await all.call('UpdateAccount', { account })).reason).toBe('ACCOUNT_REVOKED');
  const again = await all.call('CreateAccount', { account: { id, grants: forAcme } });
  expect(again.reason).toBe('ACCOUNT_EXISTS');
  const more = await all.call('CreateAccountSecret', { accountSecret: { accountId: id } });
  expect(more.reason).toBe('ACCOUNT_REVOKED');
});

test('an account has at most ten valid secrets', async () => {
  await createGateway();
  const make = { accountSecret: { accountId: id } };
  for (let made = 1; made < 10; made += 1) await all.done('CreateAccountSecret', make);
  const one = await all.call('CreateAccountSecret', make);
  expect(one).toMatchObject({ reason: 'TOO_MANY_SECRETS', metadata: { max_secrets: '10' } });
  await rotate();
  await all.done('RevokeAccountSecret', { accountId: id, id: '1' });
  expect((await all.call('CreateAccountSecret', make)).reason).toBe('TOO_MANY_SECRETS');
  await all.done('RevokeAccountSecret', { accountId: id, id: '2' });
  await all.done('CreateAccountSecret', make);
});

// Red, one each, without the conditions on the state and on the expiry in the look-up of secrets.
test('what ends an account or a secret binds within a second on every replica', async () => {
  let nowMs = 0;
  const { pool } = all.plane.database;
  const replicas = [1, 2].map(() => createPgAccess({ pool, monotonicMs: () => nowMs }));
  const names = async (secret: string): Promise<unknown[]> => {
    const found = replicas.map(async (one) => (await one.authenticate(secret, 'data'))?.name);
    return Promise.all(found);
  };
  const secret = await createGateway();
  const state = (to: string): Promise<Json> =>
    all.done('UpdateAccount', { account: { id, state: `ACCOUNT_STATE_${to}` } });
  const expire = () =>
    pool.query('UPDATE account_secret SET expires_at = now() WHERE account_id = $1', [id]);
  const unexpire = () =>
    pool.query('UPDATE account_secret SET expires_at = NULL WHERE account_id = $1', [id]);
  for (const [end, begin] of [
    [() => state('DISABLED'), () => state('ENABLED')],
    [expire, unexpire],
    [() => all.done('RevokeAccount', { id }), undefined],
  ] as const) {
    expect(await names(secret)).toEqual([id, id]);
    await end();
    nowMs += 1000;
    expect(await names(secret)).toEqual([undefined, undefined]);
    await begin?.();
  }
  for (const replica of replicas) replica.close();
});

test('of two administrators who change an account at once, one is answered with the etag of the other', async () => {
  await all.done('CreateAccount', { account: { id, grants: forAcme } });
  const change = (displayName: string) =>
    all.call('UpdateAccount', { account: { id, displayName, etag: '1' } });
  const answers = await Promise.all([change('A'), change('B')]);
  const refused = answers.find(({ code }) => code !== 'OK');
  expect(answers.filter(({ code }) => code === 'OK')).toHaveLength(1);
  expect(refused).toMatchObject({ reason: 'ETAG_MISMATCH', metadata: { name: id, etag: '2' } });
});

test('an update takes what is sent, and grants whole', async () => {
  const named = { id, displayName: 'Edge', grants: forAcme, certificateNames: [`${id}.example`] };
  await all.done('CreateAccount', { account: named });
  const kind = 'ACCOUNT_KIND_PERSON';
  const { account } = await all.done('UpdateAccount', { account: { id, kind } });
  expect(account).toMatchObject({ ...named, kind });
  const grants = [{ role: 'ROLE_GATEWAY', allOrgs: true }];
  await all.done('UpdateAccount', { account: { id, grants }, updateMask: 'grants' });
  expect(await all.done('GetAccount', { id })).toMatchObject({
    account: { ...named, kind, grants },
  });
  const other = { id: `${id}b`, grants, certificateNames: [`${id}.example`] };
  const taken = await all.call('CreateAccount', { account: other });
  expect(taken.reason).toBe('CERTIFICATE_NAME_EXISTS');
});

test('lists come in pages, and by role and organization', async () => {
  const ids = [`${id}a`, `${id}b`, `${id}c`];
  const of = [
    forAcme,
    [{ role: 'ROLE_CHECKER', orgIds: ['globex'] }],
    [{ role: 'ROLE_GATEWAY', allOrgs: true }],
  ];
  for (const [index, grants] of of.entries()) {
    await all.done('CreateAccount', { account: { id: ids[index], grants } });
  }
  const listed = async (more: Json): Promise<[string[], unknown]> => {
    const body = await all.done('ListAccounts', { contains: id, ...more });
    const accounts = (body['accounts'] ?? []) as { id: string }[];
    return [accounts.map((one) => one.id), body['nextPageToken']];
  };
  expect((await listed({ role: 'ROLE_CHECKER' }))[0]).toEqual([ids[1]]);
  expect((await listed({ orgId: 'acme' }))[0]).toEqual([ids[0], ids[2]]);
  const [first, pageToken] = await listed({ pageSize: 2 });
  const [second, last] = await listed({ pageSize: 2, pageToken });
  expect([first, second, last]).toEqual([ids.slice(0, 2), ids.slice(2), undefined]);
});

test('a caller learns who it is and what its roles allow', async () => {
  await all.let(id, 'org_viewer', 'acme');
  const { account, roleMethods } = await all.done('GetCaller', {}, id);
  expect(account).toMatchObject({ id, grants: [{ role: 'ROLE_ORG_VIEWER', orgIds: ['acme'] }] });
  const [{ methods }] = roleMethods as [{ methods: string[] }];
  expect(methods).toContain('DirectoryService/ListTeams');
  expect(methods).not.toContain('DirectoryService/CreateTeam');
  const root = await all.done('GetCaller', {});
  expect(root).toMatchObject({ roleMethods: [{ role: 'ROLE_PLATFORM_ADMIN' }] });
  await all.let(`${id}admin`, 'org_admin', 'acme');
  const admin = await all.done('GetCaller', {}, `${id}admin`);
  expect(admin).toMatchObject({
    roleMethods: [
      {
        onlyWithOrganization: expect.arrayContaining(['EnforcementService/ExpireHolds']) as unknown,
      },
    ],
  });
});
