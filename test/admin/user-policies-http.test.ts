import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startAdminPlane } from '../support/admin-plane.ts';
import type { AdminPlane, Json } from '../support/admin-plane.ts';
import { anyChange, plainOrganization } from '../support/organization.ts';

let plane: AdminPlane;
beforeAll(async () => {
  plane = await startAdminPlane();
  await plane.store.createOrganization(plainOrganization('acme'), anyChange);
  await plane.store.createOrganization(plainOrganization('initech'), anyChange);
});
afterAll(() => plane.stop());

interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Json;
}

const path = '/api/admin/organizations/acme/user-policies';

async function send(method: string, url: string, init: RequestInit = {}): Promise<Reply> {
  const headers = { authorization: 'Bearer root', ...(init.headers as Record<string, string>) };
  const response = await fetch(`${plane.url}${url}`, { method, ...init, headers });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') === true;
  const body = isJson ? (JSON.parse(text) as Json) : { text };
  return { status: response.status, headers: response.headers, body };
}

const save = (form: unknown, headers: Record<string, string> = {}, query = ''): Promise<Reply> =>
  send('POST', `${path}${query}`, {
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof form === 'string' ? form : JSON.stringify(form),
  });

describe('the HTTP form', () => {
  it('lists users that are registered or have a policy, in pages', async () => {
    const orgPath = '/api/admin/organizations/initech/user-policies';
    for (const id of ['b', 'd']) {
      await plane.call('DirectoryService/CreateUser', {
        orgId: 'initech',
        user: { id, displayName: id.toUpperCase() },
      });
    }
    for (const userId of ['a', 'b', 'c']) {
      const headers = { 'content-type': 'application/json' };
      await send('POST', orgPath, { headers, body: JSON.stringify({ userId, requestsPerDay: 1 }) });
    }
    const seen: string[] = [];
    let token = '';
    for (let pages = 0; pages < 9; pages += 1) {
      const { body } = await send('GET', `${orgPath}?pageSize=1&pageToken=${token}`);
      const forms = body['userPolicies'] as Json[];
      seen.push(...forms.map((one) => `${String(one['userId'])}:${String(one['displayName'])}`));
      token = String(body['nextPageToken']);
      if (token === '') break;
    }
    expect(seen).toEqual(['a:', 'b:B', 'c:', 'd:D']);
  });

  it('lets viewers read and not save, and nobody see another organization', async () => {
    const as = (secret: string) => ({ authorization: `Bearer ${secret}` });
    const read = await send('GET', path, { headers: as('viewer') });
    const saved = await save({ userId: 'ann', requestsPerDay: 1 }, as('viewer'));
    const other = await send('GET', path.replace('acme', 'initech'), { headers: as('acme') });
    const nobody = await send('GET', path, { headers: as('wrong') });
    const missing = await send('GET', path.replace('acme', 'nowhere'));
    expect([read, saved, other, nobody, missing].map(({ status }) => status)).toEqual([
      200, 403, 403, 401, 404,
    ]);
    expect(saved.body).toMatchObject({ title: 'Forbidden', reason: 'ROLE_FORBIDDEN' });
    expect(nobody.headers.get('www-authenticate')).toBe('Bearer');
  });

  it('takes no other method, type or query', async () => {
    const put = await send('PUT', path, { body: '{}' });
    expect([put.status, put.headers.get('allow')]).toEqual([405, 'GET, POST']);
    const typed = await send('POST', path, { headers: { 'content-type': 'text/csv' }, body: 'a' });
    expect(typed.status).toBe(415);
    for (const query of ['?pageSize=x', '?pageToken=x', '?sort=id']) {
      const refused = await send('GET', `${path}${query}`);
      expect([query, refused.status, refused.body['reason']]).toEqual([
        query,
        400,
        'FIELD_INVALID',
      ]);
    }
  });
});
