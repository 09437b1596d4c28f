import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CatalogService } from '../../gen/tollgate/admin/v1/catalog_pb.ts';
import { CredentialService } from '../../gen/tollgate/admin/v1/credentials_pb.ts';
import { DirectoryService } from '../../gen/tollgate/admin/v1/directory_pb.ts';
import { OrganizationService } from '../../gen/tollgate/admin/v1/organizations_pb.ts';
import { PolicyService } from '../../gen/tollgate/admin/v1/policies_pb.ts';
import { callGrpc } from '../support/admin-grpc.ts';
import { startAdminPlane } from '../support/admin-plane.ts';
import type { AdminPlane, Answer, Json } from '../support/admin-plane.ts';
import { anyChange, plainOrganization } from '../support/organization.ts';

const services = {
  OrganizationService,
  DirectoryService,
  CredentialService,
  CatalogService,
  PolicyService,
};

type Rpc = `${keyof typeof services}/${string}`;

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

const wires: Record<string, (rpc: Rpc, message: Json) => Promise<Answer>> = {
  'Connect JSON': (rpc, message) => plane.call(rpc, message),
  gRPC: (rpc, message) => {
    const [service, method] = rpc.split('/') as [keyof typeof services, string];
    return callGrpc(plane.url, services[service], method, message);
  },
};

describe.each(Object.entries(wires))('over %s', (_name, callWire) => {
  const call = (rpc: Rpc, message: Json) =>
    callWire(rpc, rpc.startsWith('Organization') ? message : { orgId, ...message });

  async function record(rpc: Rpc, field: string, message: Json): Promise<Json> {
    const { code, body, reason } = await call(rpc, message);
    expect([rpc, code, reason]).toEqual([rpc, 'OK', undefined]);
    return body[field] as Json;
  }

  const updateUser = (user: Json, more: Json = {}) =>
    record('DirectoryService/UpdateUser', 'user', { user: { id: 'alice', ...user }, ...more });

  // Red on the code before: without a mask an update replaced the record, and this key was ACTIVE and endless again.
  test('an update that sends neither state nor expiry leaves a key disabled, and its expiry', async () => {
    const key = { id: 'k1', user: 'alice', expireTime: '2027-01-01T00:00:00Z' };
    await record('CredentialService/CreateKey', 'key', {
      key: { ...key, state: 'CREDENTIAL_STATE_DISABLED' },
    });
    const renamed = { id: 'k1', displayName: 'renamed' };
    const after = await record('CredentialService/UpdateKey', 'key', { key: renamed });
    expect(after).toMatchObject({
      ...key,
      state: 'CREDENTIAL_STATE_DISABLED',
      displayName: 'renamed',
    });
  });

  test('a mask names what is taken, sent or not; * takes everything', async () => {
    const alice = { id: 'alice', displayName: 'Alice', tier: 'pro' };
    await record('DirectoryService/CreateUser', 'user', { user: alice });
    const masked = await updateUser(
      { displayName: 'A.', tier: 'x' },
      { updateMask: 'displayName' },
    );
    expect(masked).toMatchObject({ displayName: 'A.', tier: 'pro' });
    const reset = await updateUser({ displayName: 'B.' }, { updateMask: 'displayName,tier' });
    expect(reset).toMatchObject({ displayName: 'B.' });
    expect(reset['tier']).toBeUndefined();
    await updateUser({ tier: 'pro' });
    const whole = await updateUser({ displayName: 'C.' }, { updateMask: '*' });
    expect(whole).toMatchObject({ displayName: 'C.' });
    expect(whole['tier']).toBeUndefined();
  });

  // Red without presence in the protos: there an empty text could not be told from one that is not sent.
  test('an empty text and an unspecified enum that are sent reset their fields', async () => {
    const alice = { id: 'alice', displayName: 'Alice', tier: 'pro', teams: [] };
    await record('DirectoryService/CreateUser', 'user', {
      user: { ...alice, state: 'SUBJECT_STATE_SUSPENDED' },
    });
    const after = await updateUser({ tier: '', state: 'SUBJECT_STATE_UNSPECIFIED' });
    expect(after).toMatchObject({ displayName: 'Alice', state: 'SUBJECT_STATE_ACTIVE' });
    expect(after['tier']).toBeUndefined();
  });

  test('what was read and is sent back unchanged changes nothing but the etag', async () => {
    const user = { id: 'alice', displayName: 'Alice', state: 'SUBJECT_STATE_SUSPENDED' };
    const { etag, ...first } = await record('DirectoryService/CreateUser', 'user', { user });
    const again = await record('DirectoryService/UpdateUser', 'user', { user: { ...first, etag } });
    expect([etag, again]).toEqual(['1', { ...first, etag: '2' }]);
  });

  test('an update of a policy leaves what it does not send, and takes limits together', async () => {
    const rpc = 'PolicyService/UpdatePolicy';
    const subject = 'user:alice';
    const of = async (policy: Json, more: Json = {}): Promise<Json> => {
      const revision = await record(rpc, 'revision', { policy: { subject, ...policy }, ...more });
      return revision['policy'] as Json;
    };
    const cap = { name: 'cap', metric: 'METRIC_COST', window: 'WINDOW_DAY', amount: '1' };
    const bypass = { rate: true };
    await of({ limits: [cap, { ...cap, name: 'day' }], access: { deny: ['o1'] }, notes: 'n' });
    const bypassed = await of({ bypass });
    expect(bypassed).toMatchObject({ bypass, notes: 'n', access: { deny: ['o1'] }, etag: '2' });
    expect(bypassed['limits']).toHaveLength(2);
    const one = await of({ limits: [cap] });
    expect(one).toMatchObject({ limits: [{ name: 'cap' }], bypass, etag: '3' });
    const reset = await of({}, { updateMask: 'limits,bypass' });
    expect(reset).toEqual({ subject, access: one['access'], notes: 'n', etag: '4' });
    expect(await of({ limits: [cap] }, { updateMask: '*' })).toEqual({
      subject,
      limits: one['limits'],
      etag: '5',
    });
  });

  test('the etag of a policy is in it, 0 where there is none yet', async () => {
    const rpc = 'PolicyService/UpdatePolicy';
    const put = (etag: string) => call(rpc, { policy: { subject: 'org', notes: etag, etag } });
    const tries = [await put('0'), await put('0'), await put('1'), await put('7')];
    expect(tries.map(({ code, reason }) => reason ?? code)).toEqual([
      'OK',
      'ETAG_MISMATCH',
      'OK',
      'ETAG_MISMATCH',
    ]);
  });

  test('an empty list is sent by naming it in the mask', async () => {
    await record('CatalogService/CreateModel', 'model', {
      model: { id: 'm', provider: 'p', groups: ['fast'] },
    });
    const update = (more: Json) =>
      record('CatalogService/UpdateModel', 'model', { model: { id: 'm', groups: [] }, ...more });
    expect(await update({})).toMatchObject({ groups: ['fast'], provider: 'p' });
    const emptied = await update({ updateMask: 'groups' });
    expect(emptied).toMatchObject({ provider: 'p' });
    expect(emptied['groups']).toBeUndefined();
  });

  test('an update of an organization leaves the settings that it does not send', async () => {
    const organization = { id: orgId, timeZone: 'Europe/Berlin', onExpiry: 'EXPIRY_RULE_CHARGE' };
    const rpc = 'OrganizationService/UpdateOrganization';
    await record(rpc, 'organization', { organization });
    const sent = { organization: { id: orgId, displayName: 'Acme' } };
    expect(await record(rpc, 'organization', sent)).toMatchObject({
      ...organization,
      displayName: 'Acme',
    });
    const whole = await record(rpc, 'organization', { ...sent, updateMask: '*' });
    expect(whole).toMatchObject({ timeZone: 'UTC', onExpiry: 'EXPIRY_RULE_RELEASE' });
  });

  test('a path that is unknown or nested, and * beside others, are refused by name', async () => {
    await record('CredentialService/CreateKey', 'key', { key: { id: 'k1' } });
    for (const updateMask of ['nonsense', 'expireTime.seconds', '*,state', 'state,*', '']) {
      const key = { id: 'k1', expireTime: '2027-01-01T00:00:00Z' };
      const { code, fields } = await call('CredentialService/UpdateKey', { key, updateMask });
      const expected = updateMask === '' ? ['OK', []] : ['INVALID_ARGUMENT', ['update_mask']];
      expect([updateMask, code, fields]).toEqual([updateMask, ...expected]);
    }
  });

  // Planted: without `faultsOfUpdated` the second is refused.
  test('what an update takes is validated before anything is looked up, and nothing else is', async () => {
    const members = { id: 'g', members: ['a b'] };
    const rpc = 'CatalogService/UpdateRouteGroup';
    const wrong = await call(rpc, { routeGroup: members });
    const unread = await call(rpc, { routeGroup: members, updateMask: 'displayName' });
    expect([wrong.reason, wrong.fields]).toEqual(['FIELD_INVALID', ['route_group.members[0]']]);
    expect(unread.reason).toBe('ROUTE_GROUP_NOT_FOUND');
  });

  // Planted: where a missing record ends the update before the store has seen its request id, this is NOT_FOUND.
  test('a repeated update is answered as the first time, though the record is deleted by now', async () => {
    await record('DirectoryService/CreateUser', 'user', { user: { id: 'alice' } });
    const update = { user: { id: 'alice', tier: 'pro' }, requestId: 'u' };
    const first = await record('DirectoryService/UpdateUser', 'user', update);
    await record('DirectoryService/DeleteUser', 'user', { id: 'alice' });
    expect(await record('DirectoryService/UpdateUser', 'user', update)).toEqual(first);
  });

  test('an update of what is not there fails, unless it may create it, mask or not', async () => {
    const rpc = 'DirectoryService/UpdateUser';
    const user = { id: 'alice', tier: 'pro' };
    const masks = [{}, { updateMask: 'tier' }, { updateMask: '*' }];
    for (const mask of masks) {
      expect((await call(rpc, { user, ...mask })).reason).toBe('USER_NOT_FOUND');
    }
    const stale = await call(rpc, { user: { ...user, etag: '5' }, allowMissing: true });
    expect(stale.reason).toBe('ETAG_MISMATCH');
    const made = await updateUser({ tier: 'pro' }, { updateMask: 'tier', allowMissing: true });
    expect(made).toMatchObject({ id: 'alice', tier: 'pro', etag: '1' });
  });
});

// Planted: with the etag of nothing left out, what was created in between is replaced by the partial record.
test('an update that may create keeps what another created in between', async () => {
  let isFirst = true;
  const get: AdminPlane['store']['get'] = async (org, kind, id) => {
    const found = plane.store.get(org, kind, id);
    if (!isFirst) return found;
    isFirst = false;
    await found.catch(() => undefined);
    const user = { id: 'alice', displayName: 'Alice' };
    await plane.call('DirectoryService/CreateUser', { orgId, user });
    return found;
  };
  const racing = await startAdminPlane({ store: { ...plane.store, get } });
  const request = { orgId, user: { id: 'alice', tier: 'pro' }, allowMissing: true };
  const { body } = await racing.call('DirectoryService/UpdateUser', request);
  await racing.stop();
  expect(body['user']).toMatchObject({ displayName: 'Alice', tier: 'pro', etag: '2' });
});
