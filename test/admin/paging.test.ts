import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CatalogService } from '../../gen/tollgate/admin/v1/catalog_pb.ts';
import { CredentialService } from '../../gen/tollgate/admin/v1/credentials_pb.ts';
import { DirectoryService } from '../../gen/tollgate/admin/v1/directory_pb.ts';
import { EnforcementService } from '../../gen/tollgate/admin/v1/enforcement_pb.ts';
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
  EnforcementService,
};
type Rpc = `${keyof typeof services}/${string}`;

const orgId = 'acme';
let plane: AdminPlane;
beforeAll(async () => {
  plane = await startAdminPlane();
  for (const id of [orgId, 'acme2', 'initech']) {
    await plane.store.createOrganization(plainOrganization(id), anyChange);
  }
  // Of all kinds the same five, whose display names are in another order than their ids.
  const made = { a1: 'zoe', a2: 'Bob', a3: 'bob', b1: '', b2: 'Carl' };
  for (const [id, displayName] of Object.entries(made)) {
    for (const [service, name, field] of kinds) {
      await done(`${service}/Create${name}`, { [field]: { id, displayName } });
    }
  }
  await plane.database.pool.query(`UPDATE record SET
  created_at = created_at + interval '1 microsecond' * (id = 'a1')::integer,
  updated_at = updated_at + interval '1 microsecond' * (id = 'a2')::integer WHERE kind = 'team'`);
  for (const subject of ['org', 'user:a', 'user:a', 'user:b']) {
    await done('PolicyService/UpdatePolicy', { policy: { subject } });
  }
});
afterAll(() => plane.stop());

const kinds = [
  ['DirectoryService', 'Team', 'team'],
  ['DirectoryService', 'App', 'app'],
  ['CatalogService', 'Model', 'model'],
  ['CredentialService', 'Key', 'key'],
] as const;

async function done(rpc: string, message: Json): Promise<void> {
  const { code, body } = await plane.call(rpc, { orgId, ...message });
  if (code !== 'OK') throw new Error(`${rpc}: ${JSON.stringify(body)}`);
}

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

  /** The ids of each page, from the first to the last. */
  async function walk(rpc: Rpc, all: string, request: Json): Promise<string[][]> {
    const { body, code } = await call(rpc, { pageSize: 2, ...request });
    expect(code).toBe('OK');
    const ids = (body[all] as { id: string }[]).map(({ id }) => id);
    const pageToken = body['nextPageToken'];
    return pageToken === undefined
      ? [ids]
      : [ids, ...(await walk(rpc, all, { ...request, pageToken }))];
  }

  test.each(kinds)('%s pages through every %s, searched or not', async (service, name, field) => {
    const rpc: Rpc = `${service}/List${name}s`;
    expect(await walk(rpc, `${field}s`, {})).toEqual([['a1', 'a2'], ['a3', 'b1'], ['b2']]);
    const { body } = await call(rpc, {});
    expect(body['totalSize']).toBe(5);
    if (service !== 'CatalogService') {
      expect(await walk(rpc, `${field}s`, { search: 'B' })).toEqual([
        ['b1', 'b2'],
        ['a2', 'a3'],
      ]);
      return;
    }
    const found = await call(rpc, { contains: 'A', pageSize: 3 });
    expect(found.body['totalSize']).toBe(4);
    expect(await walk(rpc, `${field}s`, { contains: 'A' })).toEqual([
      ['a1', 'a2'],
      ['a3', 'b2'],
    ]);
  });

  test.each([
    ['', 'a1 a2 a3 b1 b2'],
    ['id desc', 'b2 b1 a3 a2 a1'],
    [' display_name', 'b1 a2 a3 b2 a1'],
    ['display_name  desc', 'a1 b2 a3 a2 b1'],
    ['create_time', 'a2 a3 b1 b2 a1'],
    ['create_time desc', 'a1 b2 b1 a3 a2'],
    ['update_time', 'a1 a3 b1 b2 a2'],
  ])('teams in the order %j come in that order, over all pages', async (orderBy, expected) => {
    const pages = await walk('DirectoryService/ListTeams', 'teams', { orderBy });
    expect(pages.map(({ length }) => length)).toEqual([2, 2, 1]);
    expect(pages.flat().join(' ')).toBe(expected);
  });

  test('organizations are sorted, searched and counted as records are', async () => {
    const rpc = 'OrganizationService/ListOrganizations';
    expect((await walk(rpc, 'organizations', { orderBy: 'id desc' })).flat()).toEqual([
      'initech',
      'acme2',
      'acme',
    ]);
    const { body } = await call(rpc, { contains: 'acme', pageSize: 1 });
    expect(body).toMatchObject({ totalSize: 2, organizations: [{ id: 'acme' }] });
  });

  test('a size above the largest is the largest, 0 the default, and one below 0 is refused', async () => {
    for (const [pageSize, expected] of [
      [5000, 'OK'],
      [2_147_483_647, 'OK'],
      [0, 'OK'],
      [-1, 'INVALID_ARGUMENT'],
    ] as const) {
      const { code, fields, body } = await call('DirectoryService/ListTeams', { pageSize });
      expect([pageSize, code, fields]).toEqual([
        pageSize,
        expected,
        code === 'OK' ? [] : ['page_size'],
      ]);
      if (code === 'OK') expect(body['teams']).toHaveLength(5);
    }
  });

  // Planted: without `boundTo` in the mark of a token, the second is answered, with rows left out.
  test('a token is good for the same arguments alone, but for the size of a page', async () => {
    const rpc = 'DirectoryService/ListTeams';
    const first = await call(rpc, { pageSize: 1, search: 'b' });
    const pageToken = first.body['nextPageToken'];
    for (const changed of [{ search: 'a' }, {}, { search: 'b', parent: '' }]) {
      const { code, fields } = await call(rpc, { pageSize: 1, pageToken, ...changed });
      expect([changed, code, fields]).toEqual([changed, 'INVALID_ARGUMENT', ['page_token']]);
    }
    const next = await call(rpc, { pageSize: 10, pageToken, search: 'b' });
    expect(next.body).toMatchObject({ teams: [{ id: 'b2' }, { id: 'a2' }, { id: 'a3' }] });
  });

  test('policies and their revisions are counted on every page', async () => {
    const policies = await call('PolicyService/ListPolicies', { pageSize: 1 });
    const found = await call('PolicyService/ListPolicies', { pageSize: 1, contains: 'user' });
    expect(found.body['totalSize']).toBeUndefined();
    const revisions = await call('PolicyService/ListPolicyRevisions', {
      subject: 'user:a',
      pageSize: 1,
    });
    expect([policies.body['totalSize'], revisions.body['totalSize']]).toEqual([3, 2]);
    const { nextPageToken: pageToken } = revisions.body;
    const second = { subject: 'user:a', pageSize: 1, pageToken };
    const last = await call('PolicyService/ListPolicyRevisions', second);
    expect(last.body).toMatchObject({ totalSize: 2, revisions: [{ revision: '1' }] });
  });
});

// Planted: with a bound of 3 in place of `mostCounted`, this and the counts above are red.
test('counting ends at 10,000', async () => {
  await plane.database.pool
    .query(`INSERT INTO record (org_id, kind, id, doc, version, epoch, created_at, updated_at)
SELECT 'initech', 'model', 'c' || n, doc, 1, 1, now(), now() FROM record, generate_series(1, 10001) AS n
WHERE org_id = 'acme' AND kind = 'model' AND id = 'a1'`);
  const { body } = await plane.call('CatalogService/ListModels', {
    orgId: 'initech',
    pageSize: 1,
  });
  expect(body['totalSize']).toBe(10_000);
});

// Red without `pageWeight`. One page of 1,000 such records was 13 MB and took up to 59 ms of CPU in one turn.
test('a page of records that name many others is shorter, and none is left out', async () => {
  await plane.database.pool
    .query(`INSERT INTO record (org_id, kind, id, doc, version, epoch, created_at, updated_at)
SELECT 'initech', 'route_group', 'g' || n, jsonb_build_object('form', 1, 'id', 'g' || n, 'displayName', '', 'members',
  (SELECT jsonb_agg('m' || k) FROM generate_series(1, 64) AS k)), 1, 1, now(), now()
FROM generate_series(1, 700) AS n`);
  const sizes: number[] = [];
  const seen = new Set<string>();
  for (let pageToken: unknown = ''; pageToken !== undefined;) {
    const request = { orgId: 'initech', pageSize: 1000, pageToken };
    const { body } = await plane.call('CatalogService/ListRouteGroups', request);
    const groups = body['routeGroups'] as { id: string }[];
    sizes.push(groups.length);
    for (const { id } of groups) seen.add(id);
    pageToken = body['nextPageToken'];
  }
  expect(sizes).toEqual([307, 307, 86]);
  expect(seen.size).toBe(700);
});
