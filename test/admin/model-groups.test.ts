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

const call = (rpc: string, message: Json) =>
  plane.call(`CatalogService/${rpc}`, { orgId, ...message });
const putModel = (id: string, groups: readonly string[]) =>
  call('UpdateModel', { model: { id, groups }, allowMissing: true });

async function groups(request: Json = {}): Promise<readonly Json[]> {
  const { body } = await call('ListModelGroups', request);
  return (body['modelGroups'] ?? []) as readonly Json[];
}

// Seen red: with the count of models set by List alone.
test('groups are those that models name and those that something was said of', async () => {
  await putModel('a', ['fast', 'cheap']);
  await putModel('b', ['fast']);
  const said = { id: 'fast', displayName: 'Quick ones', description: 'Answers in a second.' };
  const { body } = await call('CreateModelGroup', { modelGroup: said });
  await call('CreateModelGroup', { modelGroup: { id: 'unused', displayName: 'Nobody yet' } });
  expect(body['modelGroup']).toMatchObject({ ...said, modelCount: 2, etag: '1' });
  expect(await groups()).toMatchObject([
    { id: 'cheap', modelCount: 1 },
    { ...said, modelCount: 2, etag: '1', createTime: '2026-03-10T09:00:00Z' },
    { id: 'unused', displayName: 'Nobody yet' },
  ]);
  expect((await groups())[0]).toEqual({ id: 'cheap', modelCount: 1 });
  expect((await groups({ contains: 'QUICK' })).map(({ id }) => id)).toEqual(['fast']);
});

test('they are listed page by page, only of their organization', async () => {
  await putModel('a', ['g1', 'g3']);
  await call('CreateModelGroup', { modelGroup: { id: 'g2' } });
  const { body } = await call('ListModelGroups', { pageSize: 2 });
  const rest = await groups({ pageSize: 2, pageToken: body['nextPageToken'] });
  expect((body['modelGroups'] as readonly Json[]).map(({ id }) => id)).toEqual(['g1', 'g2']);
  expect(rest).toEqual([{ id: 'g3', modelCount: 1 }]);
  const others = await plane.call('CatalogService/ListModelGroups', { orgId: 'nowhere' });
  expect(others.reason).toBe('ORGANIZATION_NOT_FOUND');
});

test('what was said is changed under its etag, and taken back', async () => {
  await putModel('a', ['fast']);
  await call('CreateModelGroup', { modelGroup: { id: 'fast', displayName: 'Fast' } });
  const again = await call('CreateModelGroup', { modelGroup: { id: 'fast' } });
  expect(again).toMatchObject({ code: 'ALREADY_EXISTS', reason: 'MODEL_GROUP_EXISTS' });
  const update = { modelGroup: { id: 'fast', description: 'soon' }, updateMask: 'description' };
  const { body } = await call('UpdateModelGroup', update);
  expect(body['modelGroup']).toMatchObject({ displayName: 'Fast', description: 'soon', etag: '2' });
  expect(body['modelGroup']).toHaveProperty('modelCount', 1);
  const read = await call('GetModelGroup', { id: 'fast' });
  expect(read.body).toEqual(body);

  const stale = await call('DeleteModelGroup', { id: 'fast', etag: '1' });
  expect(stale).toMatchObject({ code: 'ABORTED', reason: 'ETAG_MISMATCH' });
  const preview = await call('DeleteModelGroup', { id: 'fast', etag: '2', validateOnly: true });
  const request = { id: 'fast', etag: '2', reason: 'renamed', requestId: 'd' };
  const deleted = await call('DeleteModelGroup', request);
  expect(deleted.body).toEqual(preview.body);
  expect(deleted.body['modelGroup']).toHaveProperty('modelCount', 1);
  expect(await call('DeleteModelGroup', request)).toEqual(deleted);
  expect((await call('GetModelGroup', { id: 'fast' })).reason).toBe('MODEL_GROUP_NOT_FOUND');
  expect((await call('DeleteModelGroup', { id: 'fast' })).reason).toBe('MODEL_GROUP_NOT_FOUND');
  // The label itself is the model's, and goes on.
  expect(await groups()).toEqual([{ id: 'fast', modelCount: 1 }]);
  const made = await call('CreateModelGroup', { modelGroup: { id: 'fast' } });
  expect(made.code).toBe('OK');
});
