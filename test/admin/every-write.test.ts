import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kindOf, methodKinds } from '../../scripts/admin-shape/method-kind.ts';
import { adminServices } from '../../scripts/admin-shape/services.ts';
import { callGrpc } from '../support/admin-grpc.ts';
import { startAdminPlane } from '../support/admin-plane.ts';
import type { AdminPlane, Answer, Json } from '../support/admin-plane.ts';
import { accountWrites, ownAccount } from './account-writes.ts';
import type { Write } from './account-writes.ts';

const services = await adminServices();
let plane: AdminPlane;
beforeAll(async () => {
  plane = await startAdminPlane();
});
afterAll(() => plane.stop());

const id = 'one';

/** The writes of one kind of record. */
function writesOf(
  service: string,
  kind: string,
  ends: readonly string[],
  more: Json = {},
): Write[] {
  const field = kind.charAt(0).toLowerCase() + kind.slice(1);
  const create = [`${service}/Create${kind}`, { [field]: { id, ...more } }] as const;
  const model = ['CatalogService/CreateModel', { model: { id: 'm' } }] as const;
  const first = kind === 'RouteGroup' ? [model] : [];
  const renamed = { [field]: { id, displayName: 'Two' } };
  return [
    { rpc: create[0], before: first, message: create[1], etagIn: undefined },
    {
      rpc: `${service}/Update${kind}`,
      before: [...first, create],
      message: renamed,
      etagIn: field,
    },
    ...ends.map((end) => ({
      rpc: `${service}/${end}${kind}`,
      before: [...first, create],
      message: { id },
      etagIn: '',
    })),
  ];
}

const limit = { name: 'cap', metric: 'METRIC_COST', window: 'WINDOW_DAY', amount: '1' };
const policy = { subject: 'org', limits: [limit] };
const declared = ['PolicyService/UpdatePolicy', { policy }] as const;
const raise = {
  id,
  subject: 'org',
  limitName: 'cap',
  add: '1',
  expireTime: '2100-01-01T00:00:00Z',
};
const raised = ['RaiseService/CreateRaise', { limitRaise: raise, reason: 'launch' }] as const;
const price = { scope: 'PRICE_SCOPE_MODEL', subject: 'm' };
const prices = [{ ...price, unit: 'PRICE_UNIT_PER_1M_TOKENS', rates: [{ input: '1' }] }];

const charge = { subjects: {}, costNanos: '5', reason: 'late invoice' };

const writes: readonly Write[] = [
  ...accountWrites,
  ...['Team', 'User', 'Principal', 'App', 'Customer'].flatMap((kind) =>
    writesOf('DirectoryService', kind, ['Delete']),
  ),
  ...['Key', 'Token'].flatMap((kind) => writesOf('CredentialService', kind, ['Revoke'])),
  ...writesOf('CatalogService', 'Model', ['Delete']),
  ...writesOf('CatalogService', 'ModelGroup', ['Delete']),
  ...writesOf('CatalogService', 'RouteGroup', ['Delete'], { members: ['m'] }),
  { rpc: 'CatalogService/AppendPrices', before: [], message: { prices }, etagIn: undefined },
  {
    rpc: 'CatalogService/RevokePrice',
    before: [['CatalogService/AppendPrices', { prices }]],
    message: { ...price, revision: 1 },
    etagIn: undefined,
  },
  {
    rpc: 'CatalogService/ImportPrices',
    before: [],
    message: {
      modelPricesJson:
        '{"m":{"mode":"chat","litellm_provider":"p","input_cost_per_token":1e-6,"output_cost_per_token":2e-6}}',
    },
    etagIn: undefined,
  },
  { rpc: 'PolicyService/UpdatePolicy', before: [], message: { policy }, etagIn: 'policy' },
  {
    rpc: 'PolicyService/DeletePolicy',
    before: [declared],
    message: { subject: 'org' },
    etagIn: '',
  },
  { rpc: 'UsageService/AdjustUsage', before: [], message: charge, etagIn: undefined },
  {
    rpc: 'UsageService/ResetUsage',
    before: [['UsageService/AdjustUsage', charge]],
    message: { meter: 'org', window: 'WINDOW_DAY' },
    etagIn: undefined,
  },
  {
    rpc: 'UserPolicyFormService/UpdateUserPolicyForm',
    before: [],
    message: { userPolicyForm: { userId: 'alice', requestsPerDay: 5 } },
    etagIn: 'userPolicyForm',
  },
  {
    rpc: 'PolicyService/UpdateLimit',
    before: [declared],
    message: { subject: 'org', limit: { ...limit, amount: '2' } },
    etagIn: 'limit',
  },
  {
    rpc: 'PolicyService/UpdateLimits',
    before: [declared],
    message: { subject: 'org', limits: [{ ...limit, amount: '2' }] },
    etagIn: undefined,
  },
  {
    rpc: 'PolicyService/BatchUpdatePolicies',
    before: [declared],
    message: { updates: [{ policy: { subject: 'org', notes: 'new' } }] },
    etagIn: undefined,
  },
  {
    rpc: 'PolicyService/CopyPolicy',
    before: [declared],
    message: { subject: 'org', toSubjects: ['user:alice'] },
    etagIn: undefined,
  },
  {
    rpc: 'PolicyService/RollbackPolicy',
    before: [declared],
    message: { subject: 'org', revision: 1 },
    etagIn: '',
  },
  {
    rpc: 'PolicyService/RevokeLimits',
    before: [declared],
    message: { subject: 'org', names: ['cap'] },
    etagIn: '',
  },
  {
    rpc: 'PolicyService/RevokeLimit',
    before: [declared],
    message: { subject: 'org', name: 'cap' },
    etagIn: '',
  },
  { rpc: raised[0], before: [declared], message: raised[1], etagIn: undefined },
  {
    rpc: 'RaiseService/RevokeRaise',
    before: [declared, raised],
    message: { id },
    etagIn: undefined,
  },
  { rpc: 'OrganizationService/CreateOrganization', before: [], message: {}, etagIn: undefined },
  {
    rpc: 'OrganizationService/UpdateOrganization',
    before: [],
    message: {},
    etagIn: 'organization',
  },
];

const wires: Record<string, (rpc: string, message: Json) => Promise<Answer>> = {
  'Connect JSON': (rpc, message) => plane.call(rpc, message),
  gRPC: (rpc, message) => {
    const [name, method = ''] = rpc.split('/');
    const service = services.find((known) => known.name === name);
    if (service === undefined) throw new Error(`no service ${name}`);
    return callGrpc(plane.url, service, method, message);
  },
};

/** The number of entries in the audit trail of an organization, and what the last one says. */
async function history(orgId: string): Promise<Json> {
  const { rows } = await plane.database.pool.query<Json>(
    `SELECT actor, rpc, peer, reason, request_id AS "requestId" FROM audit_entry
WHERE org_id = $1 ORDER BY sequence`,
    [orgId],
  );
  return { count: rows.length, ...rows.at(-1) };
}

let count = 0;
describe.each(Object.entries(wires))('over %s', (_name, call) => {
  const done = async (rpc: string, message: Json): Promise<Json> => {
    const { code, body, reason } = await call(rpc, message);
    expect([rpc, code, reason]).toEqual([rpc, 'OK', undefined]);
    return body;
  };

  /** An organization of its own for a write, with what must be there before; and its request. */
  async function prepare({
    rpc,
    before,
    message,
  }: Write): Promise<{ orgId: string; request: Json }> {
    count += 1;
    if (rpc.startsWith('AccessService/')) {
      const own = (content: Json): Json =>
        JSON.parse(JSON.stringify(content).replaceAll(ownAccount, `account${count}`)) as Json;
      for (const [first, content] of before) await done(first, own(content));
      // Accounts are in the platform's chain.
      return { orgId: '', request: own(message) };
    }
    const orgId = `org${count}`;
    const organization = { id: orgId, displayName: 'Acme' };
    if (rpc.endsWith('/CreateOrganization')) return { orgId, request: { organization } };
    await done('OrganizationService/CreateOrganization', { organization: { id: orgId } });
    if (rpc.endsWith('/UpdateOrganization')) return { orgId, request: { organization } };
    for (const [first, content] of before) await done(first, { orgId, ...content });
    return { orgId, request: { orgId, ...message } };
  }

  // Planted, one after another, and each seen red: no answer is kept for repeats, validate_only writes, any content is the
  // same to a repeat; no entry is appended, the entry says neither method nor address.
  test.each(writes.map((write) => [write.rpc, write] as const))(
    '%s is rehearsed, done once with one entry in the audit trail, and repeated without being done again',
    async (rpc, write) => {
      const { orgId, request } = await prepare(write);
      const at = await history(orgId);
      const requestId = `r${count}`;
      const changing = { ...request, reason: 'because', requestId };
      await done(rpc, { ...changing, validateOnly: true });
      expect(await history(orgId)).toEqual(at);

      const { secret: _secret, ...first } = await done(rpc, changing);
      const after = await history(orgId);
      expect(after).toEqual({
        count: Number(at['count']) + (write.entries ?? 1),
        actor: 'root',
        rpc: rpc.split('/')[1],
        peer: '127.0.0.1',
        reason: 'because',
        requestId,
      });
      expect(await done(rpc, changing)).toEqual(first);
      const conflict = await call(rpc, { ...changing, reason: 'another' });
      expect(conflict).toMatchObject({ code: 'ALREADY_EXISTS', reason: 'REQUEST_ID_CONFLICT' });
      expect(await history(orgId)).toEqual(after);
    },
  );

  // Planted: an empty etag in the metadata.
  const conditional = writes.filter(({ etagIn }) => etagIn !== undefined);
  test.each(conditional.map((write) => [write.rpc, write] as const))(
    '%s with a stale etag changes nothing, and answers the present one, which passes',
    async (rpc, write) => {
      const { orgId, request } = await prepare(write);
      const at = await history(orgId);
      const { etagIn = '' } = write;
      const withEtag = (etag: string): Json =>
        etagIn === ''
          ? { ...request, etag }
          : { ...request, [etagIn]: { ...(request[etagIn] as Json), etag } };
      const stale = await call(rpc, withEtag('99'));
      expect(stale).toMatchObject({ code: 'ABORTED', reason: 'ETAG_MISMATCH' });
      expect(await history(orgId)).toEqual(at);
      const { etag = '' } = stale.metadata;
      expect(etag).toMatch(/^\d+$/);
      await done(rpc, withEtag(etag));
      expect(await history(orgId)).toMatchObject({
        count: Number(at['count']) + (write.entries ?? 1),
      });
    },
  );
});

test('no write is left out', () => {
  const all = services.flatMap(({ name, methods }) =>
    methods
      .filter((method) => methodKinds[kindOf(method)?.kind ?? 'Get'] === 'write')
      .map((method) => `${name}/${method.name}`),
  );
  // It changes no record: see the exceptions of scripts/admin-shape.
  const expected = all.filter((rpc) => rpc !== 'EnforcementService/ExpireHolds');
  expect(writes.map(({ rpc }) => rpc).toSorted()).toEqual(expected.toSorted());
});
