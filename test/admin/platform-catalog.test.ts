import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { plainOrganization, anyChange } from '../support/organization.ts';
import { startAdminPlane } from '../support/admin-plane.ts';
import type { AdminPlane, Answer, Json } from '../support/admin-plane.ts';

let plane: AdminPlane;
beforeAll(async () => {
  plane = await startAdminPlane();
  for (const id of ['acme', 'initech']) {
    await plane.store.createOrganization(plainOrganization(id), anyChange);
  }
  await plane.store.createOrganization(plainOrganization('apart', { catalog: 'OWN' }), anyChange);
});
afterAll(() => plane.stop());

const catalog = (rpc: string, message: Json, secret?: string): Promise<Answer> =>
  plane.call(`CatalogService/${rpc}`, message, secret);
const ofPlatform = (rpc: string, message: Json, secret?: string): Promise<Answer> =>
  catalog(rpc, { platform: true, ...message }, secret);
const ofAcme = (rpc: string, message: Json, secret?: string): Promise<Answer> =>
  catalog(rpc, { orgId: 'acme', ...message }, secret);

const model = (answer: Answer): Json => answer.body['model'] as Json;
const idsOf = (answer: Answer, list: string): unknown[] =>
  ((answer.body[list] ?? []) as readonly Json[]).map(({ id }) => id);

describe('the platform’s catalog', () => {
  let last = 0;
  let [a, b, group] = ['', '', ''];
  beforeEach(async () => {
    last += 1;
    [a, b, group] = [`a${last}`, `b${last}`, `group${last}`];
    await ofPlatform('CreateModel', { model: { id: a, provider: 'openai', groups: [`g${last}`] } });
    await ofPlatform('CreateModel', { model: { id: b } });
    await ofPlatform('CreateRouteGroup', { routeGroup: { id: group, members: [a, b] } });
  });

  // Planted: where `readingOf` never inherits, an organization lists its own models alone.
  test('is listed by an organization beside its own, with whose each is', async () => {
    await ofAcme('CreateModel', { model: { id: a, provider: 'azure' } });
    const own = { id: a, provider: 'azure', source: 'CATALOG_SOURCE_OWN', replacesPlatform: true };
    const listed = await ofAcme('ListModels', { contains: String(last) });
    expect(listed.body['models']).toMatchObject([
      { ...own, etag: '1' },
      { id: b, source: 'CATALOG_SOURCE_PLATFORM', etag: '0' },
    ]);
    expect(listed.body['totalSize']).toBe(2);
    const got = await ofAcme('BatchGetModels', { ids: [b, 'nobody', a] });
    expect(got.body).toMatchObject({ models: [{ id: b }, own], missingIds: ['nobody'] });
    expect(model(await ofAcme('GetModel', { id: a }))).toMatchObject(own);
    const [first, second] = [{ pageSize: 1 }, { pageSize: 1, orderBy: 'id desc' }];
    expect(idsOf(await ofAcme('ListModels', { ...first, contains: `a${last}` }), 'models')).toEqual(
      [a],
    );
    expect(
      idsOf(await ofAcme('ListModels', { ...second, contains: String(last) }), 'models'),
    ).toEqual([b]);
    // The platform's own list has no organization's entries, and another organization none of this one's.
    const platform = await ofPlatform('ListModels', { contains: String(last) });
    expect(platform.body['models']).toMatchObject([
      { id: a, provider: 'openai', source: 'CATALOG_SOURCE_PLATFORM', etag: '1' },
      { id: b, source: 'CATALOG_SOURCE_PLATFORM', etag: '1' },
    ]);
    const other = await catalog('GetModel', { orgId: 'initech', id: a });
    expect(model(other)).toMatchObject({ provider: 'openai', source: 'CATALOG_SOURCE_PLATFORM' });
    const apart = await catalog('ListModels', { orgId: 'apart' });
    expect(idsOf(apart, 'models')).toEqual([]);
    expect((await catalog('GetModel', { orgId: 'apart', id: a })).reason).toBe('MODEL_NOT_FOUND');
  });

  test('has names that an own entry of the other kind takes', async () => {
    await ofAcme('CreateRouteGroup', { routeGroup: { id: a, members: [b] } });
    expect((await ofAcme('GetModel', { id: a })).reason).toBe('MODEL_NOT_FOUND');
    const found = await ofAcme('GetRouteGroup', { id: a });
    expect(found.body['routeGroup']).toMatchObject({ members: [b], replacesPlatform: true });
    expect(idsOf(await ofAcme('ListModels', { contains: String(last) }), 'models')).toEqual([b]);
    const groups = await ofAcme('ListRouteGroups', { contains: String(last) });
    expect(idsOf(groups, 'routeGroups')).toEqual([a, group]);
    // A name that is a route group here is no model any more.
    const members = { id: `mine${last}`, members: [a] };
    const refused = await ofAcme('CreateRouteGroup', { routeGroup: members });
    expect(refused.fields).toEqual(['route_group.members']);
  });

  // Planted: with the version of the platform's record as the etag of an inherited entry.
  test('is not changed by an organization, which makes an entry of its own instead', async () => {
    const inherited = model(await ofAcme('GetModel', { id: a }));
    expect(inherited['etag']).toBe('0');
    const change = { model: { id: a, tierRank: 4, etag: '0' } };
    expect((await ofAcme('UpdateModel', change)).reason).toBe('MODEL_NOT_FOUND');
    const made = await ofAcme('UpdateModel', { ...change, allowMissing: true });
    expect(model(made)).toMatchObject({ tierRank: 4, etag: '1', replacesPlatform: true });
    // What the update does not say is not taken from the platform's entry.
    expect(model(made)).not.toHaveProperty('provider');
    const late = await ofAcme('UpdateModel', { ...change, allowMissing: true });
    expect([late.code, late.metadata['etag']]).toEqual(['ABORTED', '1']);
    expect((await ofAcme('DeleteModel', { id: b })).reason).toBe('MODEL_NOT_FOUND');
    expect((await ofAcme('DeleteModel', { id: a })).code).toBe('OK');
    expect(model(await ofAcme('GetModel', { id: a }))).toMatchObject({ provider: 'openai' });
  });

  test('has labels that count for organizations, and records of them', async () => {
    const g = `g${last}`;
    await ofAcme('CreateModel', { model: { id: `own${last}`, groups: [g] } });
    await ofPlatform('CreateModelGroup', { modelGroup: { id: g, displayName: 'Ours' } });
    const of = async (orgId: string): Promise<unknown> =>
      (await catalog('ListModelGroups', { orgId, contains: g })).body['modelGroups'];
    const shared = { id: g, displayName: 'Ours', source: 'CATALOG_SOURCE_PLATFORM', etag: '0' };
    expect(await of('acme')).toMatchObject([{ ...shared, modelCount: 2 }]);
    expect(await of('initech')).toMatchObject([{ ...shared, modelCount: 1 }]);
    await ofAcme('CreateModelGroup', { modelGroup: { id: g, displayName: 'Mine' } });
    const mine = { displayName: 'Mine', source: 'CATALOG_SOURCE_OWN', replacesPlatform: true };
    expect(await of('acme')).toMatchObject([{ ...mine, modelCount: 2 }]);
    const got = await ofAcme('GetModelGroup', { id: g });
    expect(got.body['modelGroup']).toMatchObject({ ...mine, modelCount: 2 });
  });

  // An organization's administrators read what they inherit of it in their own catalog.
  test('is read and changed by administrators of the platform alone', async () => {
    for (const secret of ['acme', 'viewer', 'two']) {
      const get = await ofPlatform('GetModel', { id: a }, secret);
      expect([get.code, get.reason]).toEqual(['PERMISSION_DENIED', 'ROLE_FORBIDDEN']);
      const put = await ofPlatform('UpdateModel', { model: { id: a } }, secret);
      expect([put.code, put.reason]).toEqual(['PERMISSION_DENIED', 'ROLE_FORBIDDEN']);
      const prices = await ofPlatform('AppendPrices', { prices: [] }, secret);
      expect(prices.code).toBe('PERMISSION_DENIED');
      const history = { platform: true };
      expect((await plane.call('HistoryService/ListRevisions', history, secret)).code).toBe(
        'PERMISSION_DENIED',
      );
    }
  });

  test('is meant by its field alone', async () => {
    const both = await ofPlatform('GetModel', { orgId: 'acme', id: a });
    expect([both.code, both.fields]).toEqual(['INVALID_ARGUMENT', ['org_id']]);
    const neither = await catalog('CreateModel', { model: { id: 'x' } });
    expect([neither.code, neither.fields]).toEqual(['INVALID_ARGUMENT', ['org_id']]);
    expect((await catalog('ListModels', { orgId: '' })).fields).toEqual(['org_id']);
    const organization = await plane.call('OrganizationService/GetOrganization', { orgId: '' });
    expect(organization.code).toBe('INVALID_ARGUMENT');
    const all = await plane.call('OrganizationService/ListOrganizations', {});
    expect(idsOf(all, 'organizations')).toEqual(['acme', 'apart', 'initech']);
    expect(all.body['totalSize']).toBe(3);
  });

  test('has history, repeats, previews and etags as an organization’s has', async () => {
    const id = `h${last}`;
    const create = { model: { id }, reason: 'wanted by all', requestId: `once${last}` };
    const preview = await ofPlatform('CreateModel', { ...create, validateOnly: true });
    expect(preview.code).toBe('OK');
    expect((await ofPlatform('GetModel', { id })).code).toBe('NOT_FOUND');
    const first = await ofPlatform('CreateModel', create);
    expect(await ofPlatform('CreateModel', create)).toEqual(first);
    // The request id is the platform's: an organization may have used the same.
    expect((await ofAcme('CreateModel', create)).code).toBe('OK');
    const stale = await ofPlatform('UpdateModel', { model: { id, etag: '7' } });
    expect([stale.code, stale.metadata['etag']]).toEqual(['ABORTED', '1']);
    const { body } = await plane.call('HistoryService/ListRevisions', {
      platform: true,
      kind: 'RECORD_KIND_MODEL',
      id,
    });
    expect(body['revisions']).toMatchObject([
      { actor: 'root', reason: 'wanted by all', revision: '1' },
    ]);
  });
});

describe('the platform’s prices', () => {
  const price = (subject: string, input: string, scope = 'MODEL'): Json => ({
    scope: `PRICE_SCOPE_${scope}`,
    subject,
    unit: 'PRICE_UNIT_PER_1M_TOKENS',
    rates: [{ input }],
  });

  test('are none of keys', async () => {
    const { fields } = await ofPlatform('AppendPrices', {
      prices: [price('m', '1'), price('key:k', '1', 'KEY')],
    });
    expect(fields).toEqual(['prices[1].scope']);
  });

  // Planted: without the platform's revisions, nothing is in force.
  test('apply again when an own one is revoked', async () => {
    await ofPlatform('AppendPrices', { prices: [price('m', '1')] });
    await ofAcme('AppendPrices', { prices: [price('m', '2')] });
    const { body } = await ofAcme('RevokePrice', {
      scope: 'PRICE_SCOPE_MODEL',
      subject: 'm',
      revision: '1',
    });
    expect(body).toMatchObject({
      price: { source: 'CATALOG_SOURCE_OWN', revokeActor: 'root' },
      inForce: { source: 'CATALOG_SOURCE_PLATFORM', revision: '1', rates: [{ input: '1' }] },
    });
  });

  test('are imported with a preview', async () => {
    const list = {
      'gpt-4o': {
        litellm_provider: 'openai',
        input_cost_per_token: 2.5e-6,
        output_cost_per_token: 1e-5,
      },
    };
    const request = { modelPricesJson: JSON.stringify(list) };
    const preview = await ofPlatform('ImportPrices', { ...request, validateOnly: true });
    expect(preview.body).toMatchObject({
      addedCount: 1,
      prices: [{ change: 'PRICE_IMPORT_CHANGE_ADDED' }],
    });
    expect((await ofPlatform('ImportPrices', request)).body).toMatchObject({
      addedCount: 1,
      prices: [{ price: { source: 'CATALOG_SOURCE_PLATFORM', actor: 'root', revision: '1' } }],
    });
    expect((await ofPlatform('ImportPrices', request)).body).toMatchObject({ sameCount: 1 });
    expect((await ofPlatform('ImportPrices', request, 'acme')).code).toBe('PERMISSION_DENIED');
  });
});
