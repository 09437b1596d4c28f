import { afterAll, beforeAll, expect, test } from 'vitest';
import { anyChange, plainOrganization } from '../support/organization.ts';
import { startAdminPlane } from '../support/admin-plane.ts';
import type { AdminPlane } from '../support/admin-plane.ts';

let plane: AdminPlane;
beforeAll(async () => {
  plane = await startAdminPlane();
  for (const id of ['acme', 'globex']) {
    await plane.store.createOrganization(plainOrganization(id), anyChange);
  }
});
afterAll(() => plane.stop());

test('an organization is listed to those that administer it', async () => {
  const ids = async (secret: string) => {
    const { body } = await plane.call('OrganizationService/ListOrganizations', {}, secret);
    return (body['organizations'] as { id: string }[]).map(({ id }) => id);
  };
  expect(await ids('root')).toEqual(['acme', 'globex']);
  expect(await ids('viewer')).toEqual(['acme']);
});

// Planted: with the filter after the page instead of in it, pages are short and their tokens name others.
test('organizations of others are in no page, shorten none, and stand in no token', async () => {
  const others = ['aaa', 'bbb', 'hhh', 'zzz'];
  for (const id of [...others, 'initech']) {
    await plane.store.createOrganization(plainOrganization(id), anyChange);
  }
  const pages: string[][] = [];
  const tokens: string[] = [];
  let pageToken: string | undefined = '';
  while (pageToken !== undefined) {
    const request: unknown = { pageSize: 1, pageToken };
    const { body } = await plane.call('OrganizationService/ListOrganizations', request, 'two');
    const { organizations = [], nextPageToken } = body as {
      organizations?: { id: string }[];
      nextPageToken?: string;
    };
    pages.push(organizations.map(({ id }) => id));
    if (nextPageToken !== undefined) {
      tokens.push(Buffer.from(nextPageToken, 'base64url').toString());
    }
    pageToken = nextPageToken;
  }
  expect(pages).toEqual([['acme'], ['initech']]);
  expect(tokens).toHaveLength(1);
  for (const id of [...others, 'globex']) expect(tokens.join()).not.toContain(id);
  const filtered = { contains: 'zzz' };
  const none = await plane.call('OrganizationService/ListOrganizations', filtered, 'two');
  expect(none).toMatchObject({ code: 'OK', body: {} });
});

test('an update that would create an organization takes the role for creating one', async () => {
  const request = { organization: { id: 'acme2' }, allowMissing: true };
  const rpc = 'OrganizationService/UpdateOrganization';
  const abroad = await plane.call(rpc, request, 'acme');
  const root = await plane.call(rpc, request);
  expect(abroad.code).toBe('PERMISSION_DENIED');
  expect(root.code).toBe('OK');
});

test('the sweep of all organizations is for the platform, that of one for its administrators', async () => {
  const rpc = 'EnforcementService/ExpireHolds';
  const all = await plane.call(rpc, {}, 'acme');
  const own = await plane.call(rpc, { orgId: 'acme' }, 'acme');
  const root = await plane.call(rpc, {});
  const none = await plane.call(rpc, { orgId: 'nowhere' });
  expect(all.reason).toBe('ROLE_FORBIDDEN');
  expect([own.body, root.body]).toEqual([{ expiredCount: '3' }, { expiredCount: '3' }]);
  expect(none.reason).toBe('ORGANIZATION_NOT_FOUND');
  expect(plane.swept.slice(-2)).toEqual(['acme', undefined]);
});

test('a refusal is logged with its caller and reason, and never with the secret', async () => {
  await plane.call('PolicyService/UpdatePolicy', { orgId: 'acme' }, 'viewer');
  await plane.call('PolicyService/UpdatePolicy', { orgId: 'acme' }, 'tg_admin_unknown');
  expect(plane.logged.slice(-2)).toMatchObject([
    { rpc: 'UpdatePolicy', error: 'ROLE_FORBIDDEN', caller: 'acme-viewer' },
    { rpc: 'UpdatePolicy', error: 'ADMIN_SECRET_INVALID' },
  ]);
  expect(JSON.stringify(plane.logged)).not.toContain('tg_admin_unknown');
});
