import { afterEach, beforeEach, expect, test } from 'vitest';
import { startAccessPlane } from '../support/access-plane.ts';
import type { AccessPlane } from '../support/access-plane.ts';
import type { Json } from '../support/admin-plane.ts';

let all: AccessPlane;
beforeEach(async () => {
  all = await startAccessPlane();
});
afterEach(() => all.stop());

const reasonOf = async (rpc: string, message: Json, secret?: string): Promise<string> =>
  (await all.call(rpc, message, secret)).reason ?? 'OK';

const ends: readonly (readonly [rpc: string, message: (id: string) => Json])[] = [
  ['UpdateAccount', (id) => ({ account: { id, state: 'ACCOUNT_STATE_DISABLED' } })],
  [
    'UpdateAccount',
    (id) => ({ account: { id, grants: [{ role: 'ROLE_ORG_ADMIN', allOrgs: true }] } }),
  ],
  ['RevokeAccount', (id) => ({ id })],
  ['RevokeAccountSecret', (accountId) => ({ accountId, id: '1' })],
];

// Red without the check after the change, one by one; with a check that counts accounts without a valid secret, the last.
test('the last platform administrator cannot be disabled, demoted, revoked or left without a secret', async () => {
  await all.done('CreateAccount', {
    account: { id: 'idle', grants: [{ role: 'ROLE_PLATFORM_ADMIN', allOrgs: true }] },
  });
  for (const [rpc, message] of ends) {
    expect(await reasonOf(rpc, message('root'))).toBe('LAST_PLATFORM_ADMIN');
  }
  expect(await reasonOf('GetCaller', {})).toBe('OK');
  expect(await reasonOf('RotateAccountSecret', { accountId: 'root', id: '1', overlap: '0s' })).toBe(
    'OK',
  );
});

test('with another one that can sign in, it can', async () => {
  for (const [index, [rpc, message]] of ends.entries()) {
    const id = `admin${index}`;
    await all.let(id, 'platform_admin');
    expect(await reasonOf(rpc, message(id))).toBe('OK');
  }
  const grants = [{ role: 'ROLE_PLATFORM_ADMIN', allOrgs: true }];
  const account = { id: 'certified', grants, certificateNames: ['ops.example'] };
  await all.done('CreateAccount', { account });
  expect(await reasonOf('RevokeAccount', { id: 'root' })).toBe('OK');
});

// Red without the lock of all accounts: both were disabled.
test('of two that disable each other at once, one is left', async () => {
  await all.let('other', 'platform_admin');
  const disable = (id: string, secret: string): Promise<string> =>
    reasonOf('UpdateAccount', { account: { id, state: 'ACCOUNT_STATE_DISABLED' } }, secret);
  const reasons = await Promise.all([disable('other', 'root'), disable('root', 'other')]);
  // The other is refused as the last one, or is disabled before its call is let in.
  const refusals = reasons.filter((reason) => reason !== 'OK');
  expect(refusals).toHaveLength(1);
  expect(['LAST_PLATFORM_ADMIN', 'ADMIN_SECRET_INVALID']).toContain(refusals[0]);
});
