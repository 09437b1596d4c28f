import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAccessPlane } from '../support/access-plane.ts';
import type { AccessPlane } from '../support/access-plane.ts';
import type { Json } from '../support/admin-plane.ts';

let all: AccessPlane;
beforeAll(async () => {
  all = await startAccessPlane();
  await all.let('ann', 'org_admin', 'acme');
  await all.let('every', 'org_admin');
  await all.let('foreign', 'gateway', 'globex');
  await all.let('both', 'gateway', 'acme', 'globex');
  await all.let('wide', 'gateway');
  await all.let('mine', 'gateway', 'acme');
});
afterAll(() => all.stop());

const as = async (secret: string, rpc: string, message: Json): Promise<string> =>
  (await all.call(rpc, message, secret)).reason ?? 'OK';

const grant = (role: string, ...orgIds: string[]): Json =>
  orgIds.length === 0 ? { role, allOrgs: true } : { role, orgIds };

// Red, one each: `mayManage` that looks at the first grant only; without the role in `isBelow`; without the comparison of
// certificate names.
test('an administrator of an organization gives roles in that organization only', async () => {
  const create = (id: string, grants: Json[], more: Json = {}): Promise<string> =>
    as('ann', 'CreateAccount', { account: { id, grants, ...more } });
  expect(await create('a1', [grant('ROLE_ORG_ADMIN', 'acme')])).toBe('OK');
  expect(await create('a2', [grant('ROLE_CHECKER', 'acme'), grant('ROLE_REPORTER', 'acme')])).toBe(
    'OK',
  );
  expect(await create('a3', [grant('ROLE_PLATFORM_ADMIN')])).toBe('ROLE_FORBIDDEN');
  expect(await create('a3', [grant('ROLE_GATEWAY', 'globex')])).toBe('ORG_FORBIDDEN');
  expect(await create('a3', [grant('ROLE_GATEWAY', 'acme', 'globex')])).toBe('ORG_FORBIDDEN');
  expect(await create('a3', [grant('ROLE_GATEWAY')])).toBe('ORG_FORBIDDEN');
  const second = [grant('ROLE_CHECKER', 'acme'), grant('ROLE_REPORTER', 'globex')];
  expect(await create('a3', second)).toBe('ORG_FORBIDDEN');
  const more = { certificateNames: ['edge.globex.example'] };
  expect(await create('a3', [grant('ROLE_GATEWAY', 'acme')], more)).toBe('ROLE_FORBIDDEN');
});

test.each([
  ['grants', { grants: [grant('ROLE_GATEWAY')] }, 'ORG_FORBIDDEN'],
  ['grants', { grants: [grant('ROLE_GATEWAY', 'globex')] }, 'ORG_FORBIDDEN'],
  ['grants', { grants: [grant('ROLE_PLATFORM_ADMIN')] }, 'ROLE_FORBIDDEN'],
  ['certificateNames', { certificateNames: ['x'] }, 'ROLE_FORBIDDEN'],
] as const)('it cannot widen the %s of an account of its own: %j', async (mask, change, reason) => {
  const account = { id: 'mine', ...change };
  expect(await as('ann', 'UpdateAccount', { account, updateMask: mask })).toBe(reason);
  expect(await as('ann', 'UpdateAccount', { account })).toBe(reason);
});

// Red with `visible` that shows every account.
test.each(['foreign', 'both', 'wide', 'root', 'every', 'nosuch'])(
  'the account %s is not there for an administrator of acme',
  async (id) => {
    const secret = { accountId: id, id: '1' };
    for (const [rpc, message] of [
      ['GetAccount', { id }],
      ['UpdateAccount', { account: { id, displayName: 'Mine' } }],
      ['UpdateAccount', { account: { id, state: 'ACCOUNT_STATE_DISABLED' }, updateMask: '*' }],
      ['RevokeAccount', { id }],
      ['CreateAccountSecret', { accountSecret: { accountId: id } }],
      ['ListAccountSecrets', { accountId: id }],
      ['RotateAccountSecret', secret],
      ['RevokeAccountSecret', secret],
    ] as const) {
      const reason = await as('ann', rpc, message);
      // Without grants the last one but six is refused as it stands.
      expect([rpc, reason === 'FIELD_INVALID' ? 'ACCOUNT_NOT_FOUND' : reason]).toEqual([
        rpc,
        'ACCOUNT_NOT_FOUND',
      ]);
    }
    if (id === 'nosuch') return;
    const { account } = await all.done('GetAccount', { id });
    expect(account).toMatchObject({ state: 'ACCOUNT_STATE_ENABLED', etag: '1' });
  },
);

test('it lists its own accounts only, and none of another organization', async () => {
  const { accounts } = await all.done('ListAccounts', {}, 'ann');
  const ids = (accounts as { id: string }[]).map(({ id }) => id);
  expect(ids).toContain('mine');
  expect(ids).toContain('ann');
  for (const id of ['foreign', 'both', 'wide', 'root', 'every']) expect(ids).not.toContain(id);
  expect(await as('ann', 'ListAccounts', { orgId: 'globex' })).toBe('ORG_FORBIDDEN');
});

test('it does all of it for an account of its organization', async () => {
  const made = await all.done(
    'CreateAccountSecret',
    { accountSecret: { accountId: 'mine' } },
    'ann',
  );
  expect(made['secret']).toMatch(/^tg_gateway_/);
  const account = { id: 'mine', displayName: 'Mine' };
  expect(await as('ann', 'UpdateAccount', { account })).toBe('OK');
  expect(await as('ann', 'RotateAccountSecret', { accountId: 'mine', id: '2' })).toBe('OK');
  expect(await as('ann', 'RevokeAccountSecret', { accountId: 'mine', id: '2' })).toBe('OK');
  expect(await as('ann', 'RevokeAccount', { id: 'mine' })).toBe('OK');
});

test('an org_admin of every organization stays below the platform', async () => {
  const platform = [grant('ROLE_PLATFORM_ADMIN')];
  const create = (id: string, grants: Json[]): Promise<string> =>
    as('every', 'CreateAccount', { account: { id, grants } });
  expect(await create('e1', [grant('ROLE_ORG_ADMIN')])).toBe('OK');
  expect(await create('e2', platform)).toBe('ROLE_FORBIDDEN');
  expect(await as('every', 'GetAccount', { id: 'foreign' })).toBe('OK');
  expect(await as('every', 'RevokeAccount', { id: 'root' })).toBe('ACCOUNT_NOT_FOUND');
  const self = { id: 'every', grants: platform };
  expect(await as('every', 'UpdateAccount', { account: self })).toBe('ROLE_FORBIDDEN');
});

test('a request id is the own one of each caller', async () => {
  await all.let('bob', 'org_admin', 'globex');
  const request = (id: string, orgId: string): Json => ({
    account: { id, grants: [grant('ROLE_GATEWAY', orgId)] },
    requestId: 'same',
  });
  expect(await as('ann', 'CreateAccount', request('r1', 'acme'))).toBe('OK');
  expect(await as('bob', 'CreateAccount', request('r2', 'globex'))).toBe('OK');
  // The request of the other, word for word: it is not a repeat.
  expect(await as('bob', 'CreateAccount', request('r1', 'acme'))).toBe('REQUEST_ID_CONFLICT');
});
