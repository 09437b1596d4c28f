import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CredentialService } from '../../gen/tollgate/admin/v1/credentials_pb.ts';
import { DirectoryService } from '../../gen/tollgate/admin/v1/directory_pb.ts';
import { OrganizationService } from '../../gen/tollgate/admin/v1/organizations_pb.ts';
import { callGrpc } from '../support/admin-grpc.ts';
import { startAdminPlane } from '../support/admin-plane.ts';
import type { AdminPlane, Answer, Json } from '../support/admin-plane.ts';
import { anyChange, plainOrganization } from '../support/organization.ts';

const orgId = 'acme';
let plane: AdminPlane;
beforeAll(async () => {
  plane = await startAdminPlane();
  await plane.store.createOrganization(plainOrganization(orgId), anyChange);
  const create = async (kind: string, field: string, records: readonly Json[]): Promise<void> => {
    const service = kind === 'Key' || kind === 'Token' ? 'CredentialService' : 'DirectoryService';
    for (const record of records) {
      const rpc = `${service}/Create${kind}`;
      const { code, fields } = await plane.call(rpc, { orgId, [field]: record });
      expect([rpc, code, fields]).toEqual([rpc, 'OK', []]);
    }
  };
  await create('Team', 'team', [
    { id: 'research' },
    { id: 'vision', parent: 'research' },
    { id: 'speech', parent: 'research', state: 'SUBJECT_STATE_SUSPENDED' },
    { id: 'sales' },
  ]);
  await create('User', 'user', [
    { id: 'alice@example.com', displayName: 'Alice Smith', tier: 'pro', teams: ['vision'] },
    { id: 'u:bob', displayName: "Bob O'Brien-Smith", tier: 'pro', teams: ['vision', 'sales'] },
    { id: 'carl', displayName: 'ＣＡＲＬ Straße', tier: 'free', state: 'SUBJECT_STATE_SUSPENDED' },
    { id: 'Dora', displayName: 'dora 東京' },
  ]);
  await create('Principal', 'principal', [
    { id: 'agent:indexer', kind: 'PRINCIPAL_KIND_AGENT', groups: ['docs', 'search'], app: 'crm' },
    { id: 'service:mailer', namespace: 'mail', groups: ['docs'] },
  ]);
  await create('Key', 'key', [
    { id: 'k1', user: 'u:bob', environment: 'production', app: 'crm' },
    { id: 'k2', user: 'u:bob', environment: 'test', state: 'CREDENTIAL_STATE_DISABLED' },
    { id: 'k3', team: 'sales', customer: 'initech', principal: 'agent:indexer' },
  ]);
  await create('Token', 'token', [
    { id: 't1', principal: 'agent:indexer' },
    { id: 't2', principal: 'agent:indexer', namespace: 'mail' },
  ]);
  const policy = { subject: 'tier:gold', limits: [] };
  expect((await plane.call('PolicyService/UpdatePolicy', { orgId, policy })).code).toBe('OK');
});
afterAll(() => plane.stop());

const services = { DirectoryService, CredentialService, OrganizationService };
const wires: Record<string, (rpc: string, message: Json) => Promise<Answer>> = {
  'Connect JSON': (rpc, message) => plane.call(rpc, message),
  gRPC: (rpc, message) => {
    const [service, method] = rpc.split('/') as [keyof typeof services, string];
    return callGrpc(plane.url, services[service], method, message);
  },
};

describe.each(Object.entries(wires))('over %s', (_name, call) => {
  const idsOf = async (list: string, message: Json): Promise<readonly string[]> => {
    const service = /Keys|Tokens/.test(list) ? 'CredentialService' : 'DirectoryService';
    const { code, body } = await call(`${service}/${list}`, { orgId, ...message });
    expect(code).toBe('OK');
    const [records = []] = Object.values(body).filter(Array.isArray) as { id: string }[][];
    return records.map(({ id }) => id).toSorted();
  };
  const users = { alice: 'alice@example.com', bob: 'u:bob' };

  // Planted, and seen red: words with their letter case; without the parts of ids; without the first word of several.
  test.each([
    ['alice', [users.alice]],
    ['ALICE@EX', [users.alice]],
    ['exam', [users.alice]],
    ['smi', [users.alice, users.bob]],
    ['smi ali', [users.alice]],
    ["o'bri", [users.bob]],
    ['brien', [users.bob]],
    ['bob', [users.bob]],
    ['u:b', [users.bob]],
    ['carl', ['carl']],
    ['straß', ['carl']],
    ['dora', ['Dora']],
    ['東', ['Dora']],
    ['lice', []],
    ['smi carl', []],
    ['a=b', []],
    ['%', []],
    ['_lice', []],
  ])('the search for %j finds %j', async (search, expected) => {
    expect(await idsOf('ListUsers', { search })).toEqual(expected);
  });

  test.each<[string, Json, readonly string[]]>([
    ['ListTeams', { parent: 'research' }, ['speech', 'vision']],
    ['ListTeams', { parent: '' }, ['research', 'sales']],
    ['ListTeams', { parent: 'research', state: 'SUBJECT_STATE_ACTIVE' }, ['vision']],
    ['ListTeams', {}, ['research', 'sales', 'speech', 'vision']],
    ['ListUsers', { team: 'vision' }, [users.alice, users.bob]],
    ['ListUsers', { team: 'vision', search: 'bob' }, [users.bob]],
    ['ListUsers', { tier: 'pro', team: 'sales' }, [users.bob]],
    ['ListUsers', { state: 'SUBJECT_STATE_SUSPENDED' }, ['carl']],
    ['ListUsers', { team: 'research' }, []],
    ['ListPrincipals', { kind: 'PRINCIPAL_KIND_AGENT' }, ['agent:indexer']],
    ['ListPrincipals', { namespace: 'tenant:acme' }, ['agent:indexer']],
    ['ListPrincipals', { group: 'docs' }, ['agent:indexer', 'service:mailer']],
    ['ListPrincipals', { group: 'docs', app: 'crm' }, ['agent:indexer']],
    ['ListPrincipals', { search: 'mailer' }, ['service:mailer']],
    ['ListKeys', { user: 'u:bob' }, ['k1', 'k2']],
    ['ListKeys', { environment: 'production' }, ['k1']],
    ['ListKeys', { state: 'CREDENTIAL_STATE_DISABLED' }, ['k2']],
    ['ListKeys', { team: 'sales', customer: 'initech', principal: 'agent:indexer' }, ['k3']],
    ['ListKeys', { app: 'crm' }, ['k1']],
    ['ListTokens', { namespace: 'mail' }, ['t2']],
    ['ListTokens', { principal: 'agent:indexer', namespace: 'tenant:acme' }, ['t1']],
  ])('%s with %j lists %j', async (list, filter, expected) => {
    expect(await idsOf(list, filter)).toEqual(expected);
  });

  test('organizations are listed with their owner, and how many teams, users and keys they have', async () => {
    const organization = { id: orgId, owner: 'Ann, platform team' };
    await call('OrganizationService/UpdateOrganization', { organization });
    const { body } = await call('OrganizationService/ListOrganizations', {});
    const expected = { ...organization, teamCount: '4', userCount: '4', keyCount: '3' };
    expect(body['organizations']).toMatchObject([expected]);
    const one = await call('OrganizationService/GetOrganization', { orgId });
    expect(one.body['organization']).toMatchObject(expected);
  });

  test('a team says how many members and children it has', async () => {
    const of = async (rpc: string, message: Json): Promise<unknown> => {
      const { body } = await call(`DirectoryService/${rpc}`, { orgId, ...message });
      const teams = (body['teams'] ?? [body['team']]) as Json[];
      return teams.map(({ id, memberCount = '0', childCount = '0' }) => [
        id,
        memberCount,
        childCount,
      ]);
    };
    expect(await of('ListTeams', {})).toEqual([
      ['research', '0', '2'],
      ['sales', '1', '0'],
      ['speech', '0', '0'],
      ['vision', '2', '0'],
    ]);
    expect(await of('GetTeam', { id: 'research' })).toEqual([['research', '0', '2']]);
    expect(await of('BatchGetTeams', { ids: ['vision'] })).toEqual([['vision', '2', '0']]);
  });

  test('tiers are those with users or a policy', async () => {
    const list = async (message: Json): Promise<Json> =>
      (await call('DirectoryService/ListTiers', { orgId, ...message })).body;
    const first = await list({ pageSize: 2 });
    expect(first['tiers']).toEqual([
      { id: 'free', userCount: '1' },
      { id: 'gold', hasPolicy: true },
    ]);
    const pageToken = first['nextPageToken'];
    expect(await list({ pageSize: 2, pageToken })).toEqual({
      tiers: [{ id: 'pro', userCount: '2' }],
    });
  });

  test('a key says its environment, a token its namespace, which is by default the tenant’s', async () => {
    const key = await call('CredentialService/GetKey', { orgId, id: 'k1' });
    expect(key.body['key']).toMatchObject({ environment: 'production' });
    const token = await call('CredentialService/GetToken', { orgId, id: 't1' });
    expect(token.body['token']).toMatchObject({ namespace: 'tenant:acme' });
  });
});
