import { afterAll, beforeAll, expect, test } from 'vitest';
import { anyChange, plainOrganization } from '../support/organization.ts';
import { startAdminPlane } from '../support/admin-plane.ts';
import type { AdminPlane, Answer, Json } from '../support/admin-plane.ts';

let plane: AdminPlane;
beforeAll(async () => {
  plane = await startAdminPlane();
  await plane.store.createOrganization(plainOrganization('acme'), anyChange);
});
afterAll(() => plane.stop());

const daily = { metric: 'METRIC_COST', window: 'WINDOW_DAY', amount: '1' };

let count = 0;
/** A user of whom nothing is declared. */
function newcomer(): string {
  count += 1;
  return `user:p${count}`;
}

const call = (rpc: string, more: Json): Promise<Answer> =>
  plane.call(`PolicyService/${rpc}`, { orgId: 'acme', ...more });
const put = (subject: string, fields: Json, more: Json = {}) =>
  call('UpdatePolicy', { policy: { subject, ...fields }, updateMask: '*', ...more });
const newest = async (subject: string): Promise<Json> =>
  (await call('GetPolicy', { subject })).body['revision'] as Json;
const epoch = async (): Promise<number> => {
  const { rows } = await plane.database.pool.query<{ epoch: string }>(
    "SELECT epoch FROM org WHERE org_id = 'acme'",
  );
  return Number(rows[0]?.epoch);
};

test('two revisions are compared limit by limit and field by field', async () => {
  const subject = newcomer();
  await put(subject, {
    limits: [
      { ...daily, name: 'same' },
      { ...daily, name: 'changed' },
      { ...daily, name: 'gone' },
    ],
    access: { allow: ['a', 'b'], maxTier: 1 },
    notes: 'old',
  });
  await put(subject, {
    limits: [
      { ...daily, name: 'changed', amount: undefined, unlimited: {}, action: 'ACTION_WARN' },
      { ...daily, name: 'same' },
      { ...daily, name: 'new' },
    ],
    access: { allow: ['b', 'c'], maxTier: 1 },
    bypass: { cost: true },
    notes: 'new',
  });
  const diff = {
    addedLimits: [{ name: 'new' }],
    removedLimits: [{ name: 'gone' }],
    changedLimits: [
      {
        before: { name: 'changed', amount: '1' },
        after: { name: 'changed', unlimited: {} },
        changedFields: ['action', 'amount'],
      },
    ],
    access: { changedFields: ['allow'], allowAdded: ['c'], allowRemoved: ['a'] },
    bypass: { after: { cost: true } },
    notes: { before: 'old', after: 'new' },
  };
  const last = await call('GetPolicyDiff', { subject });
  expect(last.body).toMatchObject({ diff, earlier: { revision: '1' }, later: { revision: '2' } });
  const named = await call('GetPolicyDiff', { subject, fromRevision: 1, toRevision: 2 });
  expect(named.body).toEqual(last.body);
  const whole = await call('GetPolicyDiff', { subject, fromRevision: 0, toRevision: 1 });
  expect(whole.body['earlier']).toBe(undefined);
  expect((whole.body['diff'] as { addedLimits: unknown[] }).addedLimits).toHaveLength(3);
  const same = await call('GetPolicyDiff', { subject, fromRevision: 1, toRevision: 1 });
  expect(same.body['diff']).toEqual({});
  await call('DeletePolicy', { subject });
  const deleted = await call('GetPolicyDiff', { subject });
  expect(deleted.body).toMatchObject({ later: { revision: '3', deleted: true } });
  expect((deleted.body['diff'] as { removedLimits: unknown[] }).removedLimits).toHaveLength(3);
});

test('what was never declared cannot be compared or restored', async () => {
  const subject = newcomer();
  expect((await call('GetPolicyDiff', { subject })).reason).toBe('POLICY_NOT_FOUND');
  await put(subject, {});
  const diff = await call('GetPolicyDiff', { subject, toRevision: 7 });
  const rollback = await call('RollbackPolicy', { subject, revision: 7 });
  expect([diff.reason, rollback.reason]).toEqual(['POLICY_NOT_FOUND', 'POLICY_NOT_FOUND']);
  expect(await newest(subject)).toMatchObject({ revision: '1' });
});

test('a policy is rolled back by a revision that says which one it restores', async () => {
  const subject = newcomer();
  await put(subject, { limits: [{ ...daily, name: 'a' }], notes: 'one' });
  await put(subject, { notes: 'two' });
  const back = await call('RollbackPolicy', { subject, revision: 1, reason: 'too early' });
  expect(back.body).toMatchObject({
    revision: {
      revision: '3',
      restoredRevision: '1',
      reason: 'too early',
      policy: { notes: 'one', limits: [{ name: 'a', amount: '1' }] },
    },
    before: { revision: '2' },
    diff: { addedLimits: [{ name: 'a' }], notes: { before: 'two', after: 'one' } },
  });
  await call('DeletePolicy', { subject });
  const revived = await call('RollbackPolicy', { subject, revision: 3, etag: '0' });
  expect(revived.body).toMatchObject({ revision: { revision: '5', restoredRevision: '3' } });
  const deletedAgain = await call('RollbackPolicy', { subject, revision: 4 });
  expect(deletedAgain.body).toMatchObject({ revision: { deleted: true, restoredRevision: '4' } });
  const nothingLeft = await call('RollbackPolicy', { subject, revision: 4 });
  expect(nothingLeft.reason).toBe('POLICY_NOT_FOUND');
});

// Planted, and seen red: a step of the epoch for each policy.
test('many policies are one change: one step of the epoch, all or nothing', async () => {
  const subjects = Array.from({ length: 50 }, newcomer);
  const updates = subjects.map((subject) => ({
    policy: { subject, limits: [{ ...daily, name: 'a' }] },
  }));
  const before = await epoch();
  const done = await call('BatchUpdatePolicies', { updates });
  expect((done.body['changes'] as Json[]).map(({ revision }) => revision)).toMatchObject(
    subjects.map((subject) => ({ revision: '1', policy: { subject } })),
  );
  expect(await epoch()).toBe(before + 1);

  const [first = '', second = ''] = subjects;
  await put(second, { notes: 'changed since' });
  const at = await epoch();
  const stale = await call('BatchUpdatePolicies', {
    updates: [
      { policy: { subject: first, notes: 'new' } },
      { policy: { subject: second, notes: 'new', etag: '1' } },
    ],
  });
  expect(stale).toMatchObject({ code: 'ABORTED', metadata: { name: second, etag: '2' } });
  const unknown = await call('BatchUpdatePolicies', {
    updates: [{ policy: { subject: first, notes: 'new' } }, { policy: { subject: 'team:ghost' } }],
  });
  expect(unknown.fields).toEqual(['updates[1].policy.subject']);
  expect(await epoch()).toBe(at);
  expect(await newest(first)).toMatchObject({ revision: '1' });
});

test('each policy of a batch takes what is sent of it, or what its mask names', async () => {
  const [a, b] = [newcomer(), newcomer()];
  for (const subject of [a, b]) {
    await put(subject, { limits: [{ ...daily, name: 'kept' }], notes: 'old' });
  }
  await call('BatchUpdatePolicies', {
    updates: [
      { policy: { subject: a, notes: 'new' } },
      { policy: { subject: b, notes: 'new' }, updateMask: 'limits' },
    ],
  });
  expect(await newest(a)).toMatchObject({ policy: { notes: 'new', limits: [{ name: 'kept' }] } });
  expect(await newest(b)).toMatchObject({ policy: { notes: 'old' } });
  expect((await newest(b))['policy']).not.toHaveProperty('limits');
});

test('a policy is copied to other subjects, whole or in parts, and each copy says of what', async () => {
  const source = newcomer();
  const [a, b] = [newcomer(), newcomer()];
  await put(source, { limits: [{ ...daily, name: 'a' }], access: { deny: ['x'] }, notes: 'mine' });
  await put(b, { notes: 'kept', limits: [{ ...daily, name: 'b' }] });
  const whole = await call('CopyPolicy', { subject: source, toSubjects: [a] });
  expect(whole.body).toMatchObject({
    changes: [
      {
        revision: {
          copiedFrom: { subject: source, revision: '1' },
          policy: { subject: a, limits: [{ name: 'a' }], access: { deny: ['x'] }, notes: 'mine' },
        },
      },
    ],
  });
  await put(source, { limits: [{ ...daily, name: 'later' }] });
  await call('CopyPolicy', { subject: source, revision: 1, toSubjects: [b], updateMask: 'limits' });
  expect(await newest(b)).toMatchObject({
    policy: { notes: 'kept', limits: [{ name: 'a' }] },
    copiedFrom: { subject: source, revision: '1' },
  });
  const none = await call('CopyPolicy', { subject: newcomer(), toSubjects: [a] });
  expect(none.reason).toBe('POLICY_NOT_FOUND');
});

test('a copy that may not stand on one of its subjects changes none', async () => {
  const a = newcomer();
  await put('org', { limits: [{ ...daily, name: 'each', appliesTo: 'USER' }] });
  const at = await epoch();
  const wrong = await call('CopyPolicy', { subject: 'org', toSubjects: ['tier:pro', a] });
  expect(wrong).toMatchObject({ code: 'INVALID_ARGUMENT', fields: ['to_subjects[1]'] });
  expect(await epoch()).toBe(at);
  const bypass = newcomer();
  await put(bypass, { bypass: { cost: true }, notes: 'why' });
  const flags = await call('CopyPolicy', {
    subject: bypass,
    toSubjects: [a],
    updateMask: 'bypass',
  });
  expect(flags).toMatchObject({ code: 'INVALID_ARGUMENT', fields: ['to_subjects[0]'] });
});

test('policies that are too large together are refused', async () => {
  const targets = Array.from({ length: 60 }, (_, index) => `m${index}`);
  const limits = Array.from({ length: 20 }, (_, index) => ({
    ...daily,
    name: `l${index}`,
    targets,
  }));
  const source = newcomer();
  await put(source, { limits });
  const toSubjects = Array.from({ length: 20 }, newcomer);
  const many = await call('CopyPolicy', { subject: source, toSubjects });
  expect(many).toMatchObject({ code: 'INVALID_ARGUMENT', fields: ['to_subjects[16]'] });
  const fewer = await call('CopyPolicy', { subject: source, toSubjects: toSubjects.slice(0, 16) });
  expect(fewer.code).toBe('OK');
});

test('what would be changed is answered without changing it', async () => {
  const subject = newcomer();
  await put(subject, { notes: 'old' });
  const at = await epoch();
  const rehearsed = await put(subject, { notes: 'new' }, { validateOnly: true });
  expect(rehearsed.body).toMatchObject({
    revision: { revision: '2', policy: { notes: 'new' } },
    before: { revision: '1', policy: { notes: 'old' } },
    diff: { notes: { before: 'old', after: 'new' } },
  });
  expect(await epoch()).toBe(at);
});

// A repeat is answered as the first request was, though the organization has changed since.
test('what is remarkable is answered by a preview, by the change, and by its repeat', async () => {
  const orgId = 'findings';
  await plane.store.createOrganization(plainOrganization(orgId), anyChange);
  const change = (fields: Json, more: Json = {}): Promise<Answer> => {
    const policy = { subject: 'user:alice', ...fields };
    return plane.call('PolicyService/UpdatePolicy', { orgId, policy, updateMask: '*', ...more });
  };
  const cap = { subject: 'org', limits: [{ ...daily, name: 'cap', amount: '5' }] };
  await plane.call('PolicyService/UpdatePolicy', { orgId, policy: cap });
  const fields = {
    limits: [{ ...daily, name: 'own', amount: '9', targets: ['group:none'] }],
    bypass: { rate: true },
    notes: 'why',
  };
  const codes = ({ body }: Answer) =>
    ((body['findings'] ?? []) as Json[]).map(({ code, field }) => [code, field]);
  const expected = [
    ['POLICY_FINDING_CODE_LIMIT_NEVER_BINDS', 'limits[0]'],
    ['POLICY_FINDING_CODE_TARGET_MATCHES_NOTHING', 'limits[0].targets[0]'],
    ['POLICY_FINDING_CODE_BYPASS_WITHOUT_END', 'bypass.expire_time'],
  ];
  expect(codes(await change(fields, { validateOnly: true }))).toEqual(expected);
  expect(codes(await change(fields, { requestId: 'r' }))).toEqual(expected);
  const model = { id: 'm', groups: ['none'] };
  await plane.call('CatalogService/CreateModel', { orgId, model });
  expect(codes(await change(fields, { requestId: 'r' }))).toEqual(expected);
  expect(codes(await change(fields))).toEqual([expected[0], expected[2]]);
});
