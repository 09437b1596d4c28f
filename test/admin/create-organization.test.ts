import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { OrganizationService } from '../../gen/tollgate/admin/v1/organizations_pb.ts';
import { callGrpc } from '../support/admin-grpc.ts';
import { startAdminPlane } from '../support/admin-plane.ts';
import type { AdminPlane, Json } from '../support/admin-plane.ts';

let plane: AdminPlane;
let count = 0;
let id = '';
beforeAll(async () => {
  plane = await startAdminPlane();
});
afterAll(() => plane.stop());
beforeEach(() => {
  count += 1;
  id = `org${count}`;
});

const cap = (amount: string): Json => ({
  name: 'cap',
  metric: 'METRIC_COST',
  window: 'WINDOW_MONTH',
  amount,
});
const policy: Json = { limits: [cap('100')], access: { allow: ['gpt-*'] }, notes: 'as agreed' };

const create = (more: Json = {}) =>
  plane.call('OrganizationService/CreateOrganization', {
    organization: { id, timeZone: 'Europe/Berlin' },
    policy,
    reason: 'a new customer',
    ...more,
  });
const policyOf = () => plane.call('PolicyService/GetPolicy', { orgId: id, subject: 'org' });

async function epochs(): Promise<unknown> {
  const { rows } = await plane.database.pool.query(
    `SELECT epoch::integer, kind, subject, revision::integer, reason, actor FROM audit_entry
WHERE org_id = $1 ORDER BY kind`,
    [id],
  );
  return rows;
}

test('an organization is created with its policy, in one change', async () => {
  const { body } = await create();
  expect(body['organization']).toMatchObject({ id, timeZone: 'Europe/Berlin', etag: '1' });
  expect(body['policy']).toMatchObject({
    policy: { subject: 'org', limits: [{ name: 'cap', amount: '100' }], notes: 'as agreed' },
    revision: '1',
    reason: 'a new customer',
    actor: 'root',
  });
  expect((await policyOf()).body).toEqual({ revision: body['policy'] });
  const by = { epoch: 1, revision: 1, reason: 'a new customer', actor: 'root' };
  expect(await epochs()).toEqual([
    { ...by, kind: 'organization', subject: id },
    { ...by, kind: 'policy', subject: 'org' },
  ]);
});

test('gRPC answers the same', async () => {
  const request = { organization: { id }, policy: { ...policy, subject: 'org' } };
  const service = OrganizationService;
  const { body } = await callGrpc(plane.url, service, 'CreateOrganization', request);
  expect((await policyOf()).body).toEqual({ revision: body['policy'] });
});

test('without a policy there is none, and the answer has none', async () => {
  const { body } = await create({ policy: undefined });
  expect(body['policy']).toBeUndefined();
  expect((await policyOf()).reason).toBe('POLICY_NOT_FOUND');
});

test('what is only validated is answered, and not there', async () => {
  const preview = await create({ validateOnly: true, requestId: 'r' });
  const get = await plane.call('OrganizationService/GetOrganization', { orgId: id });
  expect(get.reason).toBe('ORGANIZATION_NOT_FOUND');
  expect((await create({ requestId: 'r' })).body).toEqual(preview.body);
});

const wrong: readonly (readonly [field: string, policy: Json])[] = [
  ['policy.subject', { subject: 'team:red' }],
  ['policy.subject', { subject: 'planet:mars' }],
  ['policy.limits[0].amount', { limits: [cap('-1')] }],
  ['policy.limits[1].name', { limits: [cap('1'), cap('2')] }],
  ['policy.bypass', { bypass: { cost: true }, notes: 'why' }],
  ['policy.nonsense', { nonsense: 1 }],
];
test.each(wrong)('with a wrong %s nothing is created', async (field, said) => {
  const { code, fields } = await create({ policy: said });
  expect([code, fields]).toEqual(['INVALID_ARGUMENT', [field]]);
  const get = await plane.call('OrganizationService/GetOrganization', { orgId: id });
  expect(get.reason).toBe('ORGANIZATION_NOT_FOUND');
});

// Planted: with the policy left out of the kept answer, the repeat has none.
test('a repeat has the first answer, whatever became of the policy; with another policy it conflicts', async () => {
  const first = await create({ requestId: 'r' });
  await plane.call('PolicyService/DeletePolicy', { orgId: id, subject: 'org' });
  expect((await create({ requestId: 'r' })).body).toEqual(first.body);
  const other = await create({ requestId: 'r', policy: { limits: [cap('7')] } });
  expect(other.reason).toBe('REQUEST_ID_CONFLICT');
  const again = await create();
  expect(again.reason).toBe('ORGANIZATION_EXISTS');
  expect((await policyOf()).reason).toBe('POLICY_NOT_FOUND');
});

test('of several that create it at once one does, and its policy is there', async () => {
  const amounts = ['1', '2', '3', '4', '5', '6'];
  const answers = await Promise.all(
    amounts.map((amount) => create({ policy: { limits: [cap(amount)] } })),
  );
  const created = answers.filter(({ code }) => code === 'OK');
  expect(created).toHaveLength(1);
  expect((await policyOf()).body['revision']).toEqual(created[0]?.body['policy']);
  expect(answers.filter(({ reason }) => reason === 'ORGANIZATION_EXISTS')).toHaveLength(5);
});
