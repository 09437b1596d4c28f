import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CatalogService } from '../../gen/tollgate/admin/v1/catalog_pb.ts';
import { CredentialService } from '../../gen/tollgate/admin/v1/credentials_pb.ts';
import { DirectoryService } from '../../gen/tollgate/admin/v1/directory_pb.ts';
import { callGrpc } from '../support/admin-grpc.ts';
import { startAdminPlane } from '../support/admin-plane.ts';
import type { AdminPlane, Answer, Json } from '../support/admin-plane.ts';
import { anyChange, plainOrganization } from '../support/organization.ts';

const services = { DirectoryService, CredentialService, CatalogService };

const kinds = [
  ['DirectoryService', 'Team', 'team'],
  ['DirectoryService', 'User', 'user'],
  ['DirectoryService', 'Principal', 'principal'],
  ['DirectoryService', 'App', 'app'],
  ['DirectoryService', 'Customer', 'customer'],
  ['CredentialService', 'Key', 'key'],
  ['CredentialService', 'Token', 'token'],
  ['CatalogService', 'Model', 'model'],
  ['CatalogService', 'RouteGroup', 'routeGroup'],
] as const;

let plane: AdminPlane;
beforeAll(async () => {
  plane = await startAdminPlane();
  for (const orgId of ['acme', 'initech']) {
    await plane.store.createOrganization(plainOrganization(orgId), anyChange);
  }
  await made('acme', 'CatalogService/CreateModel', { model: { id: 'member' } });
  for (const [service, name, field] of kinds) {
    const members = name === 'RouteGroup' ? { members: ['member'] } : {};
    for (const id of ['a', 'b', 'c']) {
      // A route group and a model cannot have the same name.
      const record = { id: `${id}-${field}`, displayName: id, ...members };
      await made('acme', `${service}/Create${name}`, { [field]: record });
    }
  }
});
afterAll(() => plane.stop());

async function made(orgId: string, rpc: string, message: Json): Promise<void> {
  expect(await plane.call(rpc, { orgId, ...message })).toMatchObject({ code: 'OK' });
}

const wires: Record<
  string,
  (service: keyof typeof services, rpc: string, message: Json) => Promise<Answer>
> = {
  'Connect JSON': (service, rpc, message) => plane.call(`${service}/${rpc}`, message),
  gRPC: (service, rpc, message) => callGrpc(plane.url, services[service], rpc, message),
};

describe.each(Object.entries(wires))('over %s', (_name, call) => {
  // Planted: in the order of the database, the first two are the wrong way round.
  test.each(kinds)(
    '%s reads every %s in the order of the ids, and names what is not there',
    async (service, name, field) => {
      const ids = ['c', 'ghost', 'a', 'phantom'].map((id) => `${id}-${field}`);
      const { body, code } = await call(service, `BatchGet${name}s`, { orgId: 'acme', ids });
      expect([code, body['missingIds']]).toEqual(['OK', [`ghost-${field}`, `phantom-${field}`]]);
      expect(body[`${field}s`]).toMatchObject([
        { id: `c-${field}`, displayName: 'c', etag: '1' },
        { id: `a-${field}`, displayName: 'a', etag: '1' },
      ]);
    },
  );

  test('records of another organization are not there, nor is an organization that is not', async () => {
    const ids = ['a-team'];
    const other = await call('DirectoryService', 'BatchGetTeams', { orgId: 'initech', ids });
    const nowhere = await call('DirectoryService', 'BatchGetTeams', { orgId: 'nowhere', ids });
    expect(other).toMatchObject({ code: 'OK', body: { missingIds: ids } });
    expect(nowhere).toMatchObject({ code: 'NOT_FOUND', reason: 'ORGANIZATION_NOT_FOUND' });
  });

  test('a thousand ids are read at once', async () => {
    const ids = Array.from({ length: 999 }, (_, index) => `n${index}`);
    const answer = await call('DirectoryService', 'BatchGetUsers', {
      orgId: 'acme',
      ids: [...ids, 'a-user'],
    });
    expect(answer.body).toMatchObject({ missingIds: ids, users: [{ id: 'a-user' }] });
  });
});
