import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { anyChange, plainOrganization } from '../support/organization.ts';
import { startAdminPlane } from '../support/admin-plane.ts';
import type { AdminPlane, Json } from '../support/admin-plane.ts';

let plane: AdminPlane;
let count = 0;
let orgId = '';
beforeAll(async () => {
  plane = await startAdminPlane();
});
afterAll(() => plane.stop());
beforeEach(async () => {
  count += 1;
  orgId = `org${count}`;
  await plane.store.createOrganization(plainOrganization(orgId), anyChange);
});

const kinds = ['Key', 'Token'] as const;

function calls(kind: (typeof kinds)[number]) {
  const field = kind.toLowerCase();
  const send = async (verb: string, message: Json) => {
    const answer = await plane.call(`CredentialService/${verb}${kind}`, { orgId, ...message });
    return { ...answer, credential: (answer.body[field] ?? {}) as Json };
  };
  return {
    create: () => send('Create', { [field]: { id: 'c1', displayName: 'first' } }),
    get: () => send('Get', { id: 'c1' }),
    update: (credential: Json, more: Json = {}) =>
      send('Update', { [field]: { id: 'c1', ...credential }, ...more }),
    revoke: (more: Json = {}) => send('Revoke', { id: 'c1', reason: 'leaked', ...more }),
  };
}

// Planted: when a masked update builds on the credential as it is read, the answer is FIELD_INVALID on its state.
test.each(kinds)('a revoked %s cannot change any more, whole or by a mask', async (kind) => {
  const { create, get, update, revoke } = calls(kind);
  await create();
  const { credential: revoked } = await revoke();
  const answers = [
    await update({ displayName: 'x' }),
    await update({ displayName: 'x' }, { updateMask: 'displayName' }),
    await update({ displayName: 'x' }, { updateMask: 'displayName', validateOnly: true }),
    await update({}, { updateMask: 'state,scopes' }),
  ];
  for (const { code, reason, fields } of answers) {
    expect([code, reason, fields]).toEqual(['FAILED_PRECONDITION', 'CREDENTIAL_REVOKED', []]);
  }
  expect((await get()).credential).toEqual(revoked);
});

test.each(kinds)(
  'a masked update of a %s, repeated after its revocation, is answered as then',
  async (kind) => {
    const { create, update, revoke } = calls(kind);
    await create();
    const rename = () =>
      update({ displayName: 'x' }, { updateMask: 'displayName', requestId: 'r1' });
    const { credential: renamed } = await rename();
    await revoke();
    expect((await rename()).credential).toEqual(renamed);
  },
);

// Planted: without the etag in the change, the first of these revokes.
test.each(kinds)('a %s is revoked on the condition of its etag, if one is named', async (kind) => {
  const { create, get, update, revoke } = calls(kind);
  const { etag } = (await create()).credential;
  const { etag: present } = (await update({ displayName: 'second' })).credential;
  const stale = await revoke({ etag });
  expect(stale).toMatchObject({ status: 409, code: 'ABORTED', reason: 'ETAG_MISMATCH' });
  expect((await get()).credential).toMatchObject({ state: 'CREDENTIAL_STATE_ACTIVE' });
  const done = await revoke({ etag: present, requestId: 'r1' });
  expect(done.credential).toMatchObject({ state: 'CREDENTIAL_STATE_REVOKED' });
  const repeat = await revoke({ etag: present, requestId: 'r1' });
  expect(repeat.credential).toEqual(done.credential);
});

test.each(kinds)(
  'a revoked %s is answered as it is, to whoever does not name an older one',
  async (kind) => {
    const { create, get, update, revoke } = calls(kind);
    const { etag: before } = (await create()).credential;
    await update({ displayName: 'second' }, { requestId: 'taken' });
    const { credential: revoked } = await revoke();
    const again = await revoke({ etag: revoked['etag'] });
    const byName = await revoke({ requestId: 'another' });
    const stale = await revoke({ etag: before });
    const taken = await revoke({ requestId: 'taken' });
    expect([again.credential, byName.credential]).toEqual([revoked, revoked]);
    expect((await get()).credential).toEqual(revoked);
    expect([stale.reason, taken.reason]).toEqual(['ETAG_MISMATCH', 'REQUEST_ID_CONFLICT']);
  },
);
