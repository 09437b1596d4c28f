import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { plainOrganization, anyChange } from '../support/organization.ts';
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

/** Calls, and takes the message of the answer apart. */
async function send(rpc: string, message: Json, field: string): Promise<Json> {
  const { code, body } = await plane.call(rpc, { orgId, ...message });
  if (code !== 'OK') throw new Error(JSON.stringify(body));
  return body[field] as Json;
}

const createUser = (user: Json, more: Json = {}) =>
  send('DirectoryService/CreateUser', { user, ...more }, 'user');
const updateUser = (request: Json) => send('DirectoryService/UpdateUser', request, 'user');
const getUser = () => send('DirectoryService/GetUser', { id: 'alice' }, 'user');

test('what was registered is read back, listed, and not registered twice', async () => {
  const created = await createUser({ id: 'alice', displayName: 'Alice', tier: 'pro' });
  const again = await plane.call('DirectoryService/CreateUser', { orgId, user: { id: 'alice' } });
  expect(created).toMatchObject({ id: 'alice', tier: 'pro', state: 'SUBJECT_STATE_ACTIVE' });
  expect(created).toMatchObject({ etag: '1', createTime: '2026-03-10T09:00:00Z' });
  expect(await getUser()).toEqual(created);
  expect(again).toMatchObject({ code: 'ALREADY_EXISTS', reason: 'USER_EXISTS' });
});

test('an update of what is not there fails, unless it may create it, mask or not', async () => {
  const rpc = 'DirectoryService/UpdateUser';
  const user = { id: 'alice', tier: 'pro' };
  const missing = await plane.call(rpc, { orgId, user });
  const maskedMissing = await plane.call(rpc, { orgId, user, updateMask: 'tier' });
  const made = await updateUser({ user, updateMask: 'tier', allowMissing: true });
  expect([missing.reason, maskedMissing.reason]).toEqual(['USER_NOT_FOUND', 'USER_NOT_FOUND']);
  expect(made).toMatchObject({ id: 'alice', tier: 'pro' });
});

test('a stale etag is ABORTED and changes nothing, the present one passes', async () => {
  const { etag } = await createUser({ id: 'alice' });
  await updateUser({ user: { id: 'alice', displayName: 'A.', etag } });
  const late = await plane.call('DirectoryService/UpdateUser', {
    orgId,
    user: { id: 'alice', etag },
  });
  expect(late).toMatchObject({ status: 409, code: 'ABORTED', reason: 'ETAG_MISMATCH' });
  expect(await getUser()).toMatchObject({ displayName: 'A.', etag: '2' });
});

// Planted: without the repeat in `conditionalUpdate`, two of the three are ABORTED.
test('partial updates of one record at once all take effect, though none names an etag', async () => {
  await createUser({ id: 'alice' });
  const masks = [{ displayName: 'A.' }, { tier: 'pro' }, { state: 'SUBJECT_STATE_SUSPENDED' }];
  const allHaveRead = Promise.withResolvers<void>();
  let reads = 0;
  const get: AdminPlane['store']['get'] = async (org, kind, id) => {
    const found = await plane.store.get(org, kind, id);
    reads += 1;
    if (reads === masks.length) allHaveRead.resolve();
    await allHaveRead.promise;
    return found;
  };
  const racing = await startAdminPlane({ store: { ...plane.store, get } });
  const answers = await Promise.all(
    masks.map((fields) => {
      const [updateMask] = Object.keys(fields);
      const request = { orgId, user: { id: 'alice', ...fields }, updateMask };
      return racing.call('DirectoryService/UpdateUser', request);
    }),
  );
  await racing.stop();
  expect(answers.map(({ code }) => code)).toEqual(['OK', 'OK', 'OK']);
  expect(await getUser()).toMatchObject({ ...masks[0], ...masks[1], ...masks[2], etag: '4' });
});

test('validate_only says what would be and what is wrong, and writes nothing', async () => {
  const would = await createUser({ id: 'alice' }, { validateOnly: true });
  const wrong = await plane.call('DirectoryService/CreateUser', {
    orgId,
    user: { id: 'bob', teams: ['ghosts'] },
    validateOnly: true,
  });
  const read = await plane.call('DirectoryService/GetUser', { orgId, id: 'alice' });
  expect(would['id']).toBe('alice');
  expect(wrong.fields).toEqual(['user.teams']);
  expect(read.reason).toBe('USER_NOT_FOUND');
});

// Planted: without `asked` in the change, this repeat and that of the revocation below are conflicts.
test('a repeated request id is answered as the first time, whatever has changed since', async () => {
  await createUser({ id: 'alice' });
  const rename = { user: { id: 'alice', displayName: 'A.' }, updateMask: 'displayName' };
  const first = await updateUser({ ...rename, requestId: 'r1' });
  await updateUser({ user: { id: 'alice', displayName: 'B.' } });
  expect(await updateUser({ ...rename, requestId: 'r1' })).toEqual(first);
  expect(await getUser()).toMatchObject({ displayName: 'B.' });
  const other = await plane.call('DirectoryService/UpdateUser', {
    orgId,
    ...rename,
    reason: 'another',
    requestId: 'r1',
  });
  expect(other).toMatchObject({ code: 'ALREADY_EXISTS', reason: 'REQUEST_ID_CONFLICT' });
});

test('a key shows its secret once, and no answer after', async () => {
  const create = { orgId, key: { id: 'k1', user: 'alice' }, requestId: 'make' };
  const { body } = await plane.call('CredentialService/CreateKey', create);
  const repeat = await plane.call('CredentialService/CreateKey', create);
  const secret = String(body['secret']);
  expect(secret).toMatch(/^tg_key_[\w-]{43}$/);
  expect(repeat.body['key']).toEqual(body['key']);
  expect(repeat.body['secret']).toBeUndefined();
  const stored = await send('CredentialService/GetKey', { id: 'k1' }, 'key');
  expect(stored).toMatchObject({ lastFour: secret.slice(-4), scopes: ['model.invoke'] });
  const { rows } = await plane.database.pool.query(
    `SELECT 1 FROM credential_secret WHERE sha256 = sha256($1::text::bytea) AND org_id = $2`,
    [secret, orgId],
  );
  expect(rows).toHaveLength(1);
  expect(JSON.stringify(plane.logged)).not.toContain(secret);
});

test('a revoked token stays revoked; revoking again changes nothing', async () => {
  await send('CredentialService/CreateToken', { token: { id: 't1' } }, 'token');
  const revoke = (more: Json = {}) =>
    send('CredentialService/RevokeToken', { id: 't1', reason: 'leaked', ...more }, 'token');
  const preview = await revoke({ validateOnly: true });
  const revoked = await revoke({ requestId: 'r' });
  expect(preview).toMatchObject({ state: 'CREDENTIAL_STATE_REVOKED', etag: '2' });
  expect(revoked).toMatchObject({ state: 'CREDENTIAL_STATE_REVOKED', etag: '2' });
  expect(await revoke({ requestId: 'r' })).toEqual(revoked);
  expect(await revoke()).toEqual(revoked);
  const revival = await plane.call('CredentialService/UpdateToken', { orgId, token: { id: 't1' } });
  expect(revival).toMatchObject({ code: 'FAILED_PRECONDITION', reason: 'CREDENTIAL_REVOKED' });
});

test('a policy is put by revisions, read at any of them, and loses a limit by name', async () => {
  const limit = { name: 'cap', metric: 'METRIC_COST', window: 'WINDOW_DAY', amount: '1.50' };
  const put = (more: Json) =>
    send('PolicyService/UpdatePolicy', { policy: { subject: 'user:alice', ...more } }, 'revision');
  const first = await put({ limits: [limit, { ...limit, name: 'warn', thresholds: {} }] });
  const { etag, limits } = first['policy'] as { etag: string; limits: Json[] };
  const ofLimit = limits[1]?.['etag'];
  expect(first).toMatchObject({ revision: '1', actor: 'root' });
  expect(first['policy']).toMatchObject({
    limits: [
      { amount: '1.5', appliesTo: 'SELF', action: 'ACTION_BLOCK', thresholds: { percents: [80] } },
      { name: 'warn', thresholds: {} },
    ],
  });
  const lost = await send(
    'PolicyService/RevokeLimit',
    { subject: 'user:alice', name: 'warn', reason: 'noise', etag: ofLimit, requestId: 'r' },
    'revision',
  );
  const repeat = await send(
    'PolicyService/RevokeLimit',
    { subject: 'user:alice', name: 'warn', reason: 'noise', etag: ofLimit, requestId: 'r' },
    'revision',
  );
  expect(lost).toMatchObject({ revision: '2', revokedLimits: ['warn'], reason: 'noise' });
  expect(repeat).toEqual(lost);
  const stale = await plane.call('PolicyService/UpdatePolicy', {
    orgId,
    policy: { subject: 'user:alice', etag },
  });
  expect(stale.reason).toBe('ETAG_MISMATCH');
  const old = await send(
    'PolicyService/GetPolicy',
    { subject: 'user:alice', revision: 1 },
    'revision',
  );
  expect(old).toEqual(first);
});

test('a price is appended and revoked, with and without a repeat', async () => {
  const price = {
    scope: 'PRICE_SCOPE_MODEL',
    subject: 'm',
    unit: 'PRICE_UNIT_PER_1M_TOKENS',
    rates: [
      {
        input: '2.50',
        output: '10',
        cacheWrite1h: '4',
        units: { web_search: '0.010', constructor: '0', audio_token: '0.0000000125' },
      },
      { aboveInputTokens: 200_000, input: '5' },
    ],
  };
  const append = async () => {
    const { body } = await plane.call('CatalogService/AppendPrices', {
      orgId,
      prices: [price],
      requestId: 'p',
    });
    return body;
  };
  const first = await append();
  expect(first).toMatchObject({
    prices: [
      {
        revision: '1',
        rates: [
          {
            input: '2.5',
            cacheWrite1h: '4',
            units: { web_search: '0.01', constructor: '0', audio_token: '0.0000000125' },
          },
          { aboveInputTokens: '200000' },
        ],
      },
    ],
  });
  expect(await append()).toEqual(first);
  const revoke = { scope: price.scope, subject: 'm', revision: 1, reason: 'wrong', requestId: 'q' };
  const revoked = await send('CatalogService/RevokePrice', revoke, 'price');
  expect(revoked).toMatchObject({ revokeReason: 'wrong' });
  expect(await send('CatalogService/RevokePrice', revoke, 'price')).toEqual(revoked);
});
