import { afterAll, beforeAll, expect, test } from 'vitest';
import { adminServices } from '../../scripts/admin-shape/services.ts';
import { callGrpc } from '../support/admin-grpc.ts';
import { anyChange, plainOrganization } from '../support/organization.ts';
import { nowMs, startAdminPlane } from '../support/admin-plane.ts';
import type { AdminPlane, Answer, Json } from '../support/admin-plane.ts';

const day = { metric: 'METRIC_COST', window: 'WINDOW_DAY' };
const later = new Date(nowMs + 1000).toISOString();
const past = new Date(nowMs).toISOString();

let plane: AdminPlane;
beforeAll(async () => {
  plane = await startAdminPlane();
  await plane.store.createOrganization(plainOrganization('acme'), anyChange);
  await done('DirectoryService/CreateTeam', { team: { id: 'red' } });
  await done('DirectoryService/CreateTeam', { team: { id: 'blue' } });
  const user = { id: 'alice', displayName: 'Alice', teams: ['red', 'blue'], tier: 'pro' };
  await done('DirectoryService/CreateUser', { user });
  await done('DirectoryService/CreateUser', { user: { id: 'bob', tier: 'pro' } });
  await done('DirectoryService/CreateUser', {
    user: { id: 'carol', state: 'SUBJECT_STATE_SUSPENDED' },
  });
  await declare('org', {
    limits: [
      { ...day, name: 'cap', amount: '100' },
      { ...day, name: 'each', amount: '50', appliesTo: 'USER' },
    ],
    access: { allow: ['*'] },
  });
  await declare('team:red', {
    limits: [{ ...day, name: 'member', amount: '9', appliesTo: 'MEMBER' }],
    access: { allow: ['m1'], maxTier: 1 },
  });
  await declare('tier:pro', {
    limits: [
      { ...day, name: 'template', amount: '20' },
      { ...day, name: 'month', window: 'WINDOW_MONTH', amount: '200' },
    ],
  });
  await declare('user:alice', {
    limits: [{ ...day, name: 'own', amount: '10' }],
    access: { allow: ['m2'], mode: 'ACCESS_MODE_REPLACE' },
    bypass: { rate: true, expireTime: later },
    notes: 'why',
  });
  await declare('user:dave', { bypass: { cost: true, expireTime: past }, notes: 'unregistered' });
  await spend('user:alice', 8_500_000_000n, 500_000_000n);
  await spend('user:bob', 30_000_000_000n, 0n);
});
afterAll(() => plane.stop());

async function done(rpc: string, message: Json): Promise<Json> {
  const { code, body, reason } = await plane.call(rpc, { orgId: 'acme', ...message });
  expect([rpc, code, reason]).toEqual([rpc, 'OK', undefined]);
  return body;
}

const declare = (subject: string, fields: Json) =>
  done('PolicyService/UpdatePolicy', { policy: { subject, ...fields } });

/** Nano-USD used and held today. */
async function spend(meter: string, used: bigint, held: bigint): Promise<void> {
  const dayStart = Date.UTC(2026, 2, 10);
  const monthStart = Date.UTC(2026, 2, 1);
  await plane.database.pool.query(
    `INSERT INTO meter (org_id, meter_id, day_start, day_used_cost, day_held_cost, month_start, month_used_cost)
VALUES ('acme', $1, $2, $3, $4, $5, $3)`,
    [meter, dayStart, used, held, monthStart],
  );
}

const effective = async (subject: string): Promise<Json> => {
  const { policy } = await done('PolicyService/GetEffectivePolicy', { subject });
  return policy as Json;
};

test('each limit says where it comes from, what it displaced and how it stands', async () => {
  const policy = await effective('user:alice');
  expect(policy['sources']).toEqual(
    [
      { subject: 'user:alice', revision: '1' },
      { subject: 'tier:pro', revision: '1' },
      { subject: 'team:blue', revision: '0' },
      { subject: 'team:red', revision: '1' },
      { subject: 'org', revision: '1' },
    ].map(({ revision, ...rest }) => (revision === '0' ? rest : { ...rest, revision })),
  );
  expect(policy['limits']).toMatchObject([
    {
      subject: 'user:alice',
      revision: '1',
      limit: { name: 'own', amount: '10' },
      meter: { name: 'user:alice' },
      standing: {
        amount: '10000000000',
        used: '8500000000',
        held: '500000000',
        remaining: '1000000000',
        resetTime: '2026-03-11T00:00:00Z',
        status: 'LIMIT_STATUS_NEAR',
      },
      displaced: [
        { subject: 'tier:pro', limit: { name: 'template' }, reason: 'DISPLACEMENT_REASON_NEARER' },
        { subject: 'tier:pro', limit: { name: 'month' }, reason: 'DISPLACEMENT_REASON_OWN_METRIC' },
        { subject: 'org', limit: { name: 'each' }, reason: 'DISPLACEMENT_REASON_NEARER' },
      ],
    },
    { subject: 'team:red', limit: { name: 'member' }, meter: { name: 'team:red/user:alice' } },
    { subject: 'org', limit: { name: 'cap' }, meter: { name: 'org' } },
  ]);
});

test('access rules and bypass flags say where they come from', async () => {
  const policy = await effective('user:alice');
  expect(policy['access']).toMatchObject([
    { subject: 'user:alice', access: { allow: ['m2'] } },
    { subject: 'team:red', access: { allow: ['m1'], maxTier: 1 }, allowReplaced: true },
    { subject: 'org', access: { allow: ['*'] } },
  ]);
  expect((policy['access'] as Json[])[1]).not.toHaveProperty('maxTierReplaced');
  expect(policy['bypasses']).toMatchObject([{ subject: 'user:alice', inForce: true }]);
  const dave = await effective('user:dave');
  expect(dave['bypasses']).toMatchObject([{ subject: 'user:dave', bypass: { cost: true } }]);
  expect((dave['bypasses'] as Json[])[0]).not.toHaveProperty('inForce');
});

test('a bypass in force marks the limits that it lifts', async () => {
  const request = { ...day, metric: 'METRIC_REQUESTS', name: 'requests', amount: '5' };
  await done('PolicyService/UpdateLimit', { subject: 'user:alice', limit: request });
  const { limits } = (await effective('user:alice')) as { limits: readonly Json[] };
  const lifted = limits.filter(({ bypassed }) => bypassed === true);
  expect(lifted).toMatchObject([{ limit: { name: 'requests' } }]);
  await done('PolicyService/RevokeLimit', { subject: 'user:alice', name: 'requests' });
});

test('a raise counts in how a limit stands', async () => {
  const limitRaise = { subject: 'tier:pro', limitName: 'template', appliesTo: 'user:bob' };
  const created = await done('RaiseService/CreateRaise', {
    limitRaise: { ...limitRaise, add: '30', expireTime: later },
    reason: 'more',
  });
  const { limits } = (await effective('user:bob')) as { limits: readonly Json[] };
  const standing = limits.find(({ limit }) => (limit as Json)['name'] === 'template');
  expect(standing).toMatchObject({
    limit: { amount: '20' },
    standing: { amount: '50000000000', remaining: '20000000000' },
  });
  const { id } = created['limitRaise'] as Json;
  await done('RaiseService/RevokeRaise', { id, reason: 'over' });
});

test('any subject has one; what must be registered and is not has none', async () => {
  for (const subject of [
    'org',
    'tier:pro',
    'team:red',
    'app:x',
    'customer:c',
    'principal:p',
    'label:a=b',
  ]) {
    expect((await effective(subject))['subject']).toBe(subject);
  }
  expect((await effective('user:carol'))['reasons']).toEqual(['REASON_USER_SUSPENDED']);
  const reasons: (string | undefined)[] = [];
  for (const subject of ['team:ghost', 'key:ghost', 'token:ghost']) {
    const answer = await plane.call('PolicyService/GetEffectivePolicy', { orgId: 'acme', subject });
    reasons.push(answer.reason);
  }
  expect(reasons).toEqual(['TEAM_NOT_FOUND', 'KEY_NOT_FOUND', 'TOKEN_NOT_FOUND']);
});

const list = (more: Json = {}): Promise<Answer> =>
  plane.call('PolicyService/ListUserPolicies', { orgId: 'acme', ...more });
const rowsOf = ({ body }: Answer): readonly Json[] => (body['users'] ?? []) as Json[];
const idsOf = async (more: Json) => rowsOf(await list(more)).map(({ user }) => user);

test('users are listed with their own policy, daily and monthly limits, and bypass', async () => {
  const rows = rowsOf(await list());
  expect(rows.map(({ user }) => user)).toEqual(['alice', 'bob', 'carol', 'dave']);
  expect(rows[0]).toMatchObject({
    registered: true,
    displayName: 'Alice',
    tier: 'pro',
    teams: ['red', 'blue'],
    override: { subject: 'user:alice', limits: [{ name: 'own' }] },
    limits: [{ name: 'own', used: '8500000000', held: '500000000', remaining: '1000000000' }],
    bypass: { rate: true },
  });
  expect(rows[1]).toMatchObject({ limits: [{ name: 'template' }, { name: 'month' }] });
  expect(rows[1]).not.toHaveProperty('override');
  expect(rows[2]).toMatchObject({ suspended: true, limits: [{ name: 'each' }] });
  expect(rows[3]).toMatchObject({ override: { notes: 'unregistered' } });
  for (const name of ['registered', 'bypass']) expect(rows[3]).not.toHaveProperty(name);
});

test('gRPC gets the same rows', async () => {
  const service = (await adminServices()).find(({ name }) => name === 'PolicyService');
  if (service === undefined) throw new Error('no service');
  const users = await callGrpc(plane.url, service, 'ListUserPolicies', { orgId: 'acme' });
  const subject = 'user:alice';
  const one = await callGrpc(plane.url, service, 'GetEffectivePolicy', { orgId: 'acme', subject });
  expect(users.body['users']).toEqual(rowsOf(await list()));
  expect(one.body['policy']).toEqual(await effective(subject));
});

test('users are found by id, tier, own policy, bypass and how their limits stand', async () => {
  expect(await idsOf({ idPrefix: 'b' })).toEqual(['bob']);
  expect(await idsOf({ tier: 'pro' })).toEqual(['alice', 'bob']);
  expect(await idsOf({ hasOverride: true })).toEqual(['alice', 'dave']);
  expect(await idsOf({ hasOverride: true, tier: 'pro' })).toEqual(['alice']);
  expect(await idsOf({ hasOverride: false })).toEqual(['bob', 'carol']);
  expect(await idsOf({ hasBypass: true })).toEqual(['alice']);
  expect(await idsOf({ hasBypass: false })).toEqual(['bob', 'carol', 'dave']);
  expect(await idsOf({ standing: 'USER_LIMIT_STANDING_NEAR' })).toEqual(['alice', 'bob']);
  expect(await idsOf({ standing: 'USER_LIMIT_STANDING_OVER' })).toEqual(['bob']);
  expect(await idsOf({ standing: 'USER_LIMIT_STANDING_OVER', hasOverride: true })).toEqual([]);
});

test('pages follow each other, whatever is looked for', async () => {
  for (const filter of [
    {},
    { tier: 'pro' },
    { hasOverride: false },
    { standing: 'USER_LIMIT_STANDING_NEAR' },
  ]) {
    const whole = await idsOf(filter);
    const paged: unknown[] = [];
    let pageToken: unknown = '';
    do {
      const { body, code } = await list({ ...filter, pageSize: 1, pageToken });
      expect(code).toBe('OK');
      paged.push(...((body['users'] ?? []) as Json[]).map(({ user }) => user));
      pageToken = body['nextPageToken'];
    } while (pageToken !== undefined);
    expect(paged).toEqual(whole);
  }
});

test('an organization that is not there is NOT_FOUND', async () => {
  const request = { orgId: 'nowhere', subject: 'org' };
  const one = await plane.call('PolicyService/GetEffectivePolicy', request);
  const all = await plane.call('PolicyService/ListUserPolicies', { orgId: 'nowhere' });
  expect([one.reason, all.reason]).toEqual(['ORGANIZATION_NOT_FOUND', 'ORGANIZATION_NOT_FOUND']);
});
