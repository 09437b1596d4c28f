import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startAdminPlane } from '../support/admin-plane.ts';
import type { AdminPlane, Json } from '../support/admin-plane.ts';
import { anyChange, plainOrganization } from '../support/organization.ts';

let plane: AdminPlane;
beforeAll(async () => {
  plane = await startAdminPlane();
  await plane.store.createOrganization(plainOrganization('acme'), anyChange);
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

let count = 0;
/** A user of whom nothing is declared. */
function newcomer(): string {
  count += 1;
  return `form${count}`;
}

async function policyOf(userId: string): Promise<Json> {
  const request = { orgId: 'acme', subject: `user:${userId}` };
  const { body } = await plane.call('PolicyService/GetPolicy', request);
  return (body['revision'] as { policy: Json }).policy;
}

const whole = {
  dailyCostLimitCents: '1250.5',
  monthlyCostLimitCents: '20000',
  dailyTokenLimit: '100000',
  monthlyTokenLimit: '2000000',
  requestsPerMinute: '60',
  requestsPerHour: '600',
  requestsPerDay: '5000',
  allowedModels: ['gpt-4o', 'group:small'],
  blockedModels: ['o1'],
  maxModelTier: 2,
  bypassCostLimits: true,
  bypassRateLimits: false,
  bypassModelRestrictions: true,
  notes: 'on call this week',
};

describe('the policy of a user as a form', () => {
  it('is saved and read back, each field in its slot', async () => {
    const userId = newcomer();
    const saved = await save({ userId, ...whole, reason: 'asked by Ann' });
    expect(saved.status).toBe(200);
    const form = { userId, displayName: '', ...whole, notShown: [], etag: '1' };
    expect(saved.body).toEqual({ ...form, revision: '1' });
    expect(saved.headers.get('etag')).toBe('"1"');
    const policy = await policyOf(userId);
    const slots = (policy['limits'] as Json[]).map((one) => [
      one['metric'],
      one['window'],
      one['amount'],
    ]);
    expect(slots).toEqual([
      ['METRIC_COST', 'WINDOW_DAY', '12.505'],
      ['METRIC_COST', 'WINDOW_MONTH', '200'],
      ['METRIC_TOKENS', 'WINDOW_DAY', '100000'],
      ['METRIC_TOKENS', 'WINDOW_MONTH', '2000000'],
      ['METRIC_REQUESTS', 'WINDOW_MINUTE', '60'],
      ['METRIC_REQUESTS', 'WINDOW_HOUR', '600'],
      ['METRIC_REQUESTS', 'WINDOW_DAY', '5000'],
    ]);
    const listed = await send('GET', path);
    expect(listed.body['userPolicies']).toContainEqual(form);
  });

  it('takes cents as numbers, exact to seven decimals', async () => {
    const userId = newcomer();
    for (const [cents, amount] of [
      [500, '5'],
      [12.34, '0.1234'],
      ['0.0000001', '0.000000001'],
      ['922337203685.4775807', '9223372036.854775807'],
    ] as const) {
      const saved = await save({ userId, dailyCostLimitCents: cents });
      expect(saved.body['dailyCostLimitCents']).toBe(String(cents));
      expect((await policyOf(userId))['limits']).toMatchObject([{ amount }]);
    }
  });

  it('changes what is sent, removes what is null, and leaves the rest', async () => {
    const userId = newcomer();
    await save({ userId, dailyCostLimitCents: 100, requestsPerDay: 5, notes: 'a' });
    const saved = await save({ userId, dailyCostLimitCents: null, monthlyTokenLimit: 7 });
    expect(saved.body).not.toHaveProperty('dailyCostLimitCents');
    expect(saved.body).toMatchObject({ requestsPerDay: '5', monthlyTokenLimit: '7', notes: 'a' });
    const emptied = await save({
      userId,
      requestsPerDay: null,
      monthlyTokenLimit: null,
      notes: '',
    });
    expect(emptied.body).toEqual({
      userId,
      displayName: '',
      allowedModels: [],
      blockedModels: [],
      bypassCostLimits: false,
      bypassRateLimits: false,
      bypassModelRestrictions: false,
      notes: '',
      notShown: [],
      etag: '3',
      revision: '3',
    });
  });

  // Red where the form replaced the whole policy: the naive way to save it.
  it('keeps what it cannot show, and says so', async () => {
    const userId = newcomer();
    const subject = `user:${userId}`;
    const cost = { metric: 'METRIC_COST', window: 'WINDOW_DAY' };
    const limits = [
      { name: 'warn', ...cost, amount: '1', action: 'ACTION_WARN' },
      { name: 'block', ...cost, amount: '2', thresholds: { percents: [50] } },
      { name: 'stricter', ...cost, amount: '1.5' },
      { name: 'of-o1', ...cost, amount: '3', targets: ['o1'] },
      { name: 'off', ...cost, amount: '4', enabled: false },
      { name: 'weekly', metric: 'METRIC_COST', window: 'WINDOW_WEEK', amount: '5' },
      { name: 'free', ...cost, unlimited: {} },
    ];
    const access = { allow: ['gpt-4o'], mode: 'ACCESS_MODE_REPLACE' };
    const bypass = { tokens: true, expireTime: '2026-03-11T00:00:00Z' };
    const policy = { subject, limits, access, bypass, notes: 'x' };
    await plane.call('PolicyService/UpdatePolicy', { orgId: 'acme', policy });
    const saved = await save({ userId, dailyCostLimitCents: 900, blockedModels: ['o1'] });
    expect(saved.body).toMatchObject({
      dailyCostLimitCents: '900',
      notShown: [
        'limits/warn',
        'limits/of-o1',
        'limits/off',
        'limits/weekly',
        'limits/free',
        'access.mode',
        'bypass.tokens',
        'bypass.expire_time',
      ],
    });
    const after = await policyOf(userId);
    // Of the two that block in the slot the one that binds is changed; the other would go on to bind.
    expect((after['limits'] as Json[]).map((one) => [one['name'], one['amount']])).toEqual([
      ['warn', '1'],
      ['stricter', '9'],
      ['of-o1', '3'],
      ['off', '4'],
      ['weekly', '5'],
      ['free', undefined],
    ]);
    expect(after['access']).toMatchObject({ ...access, deny: ['o1'] });
    expect(after['bypass']).toMatchObject(bypass);
  });

  it('takes a name that is free for a limit that it adds', async () => {
    const userId = newcomer();
    const limit = {
      name: 'daily-cost',
      metric: 'METRIC_TOKENS',
      window: 'WINDOW_DAY',
      amount: '9',
    };
    const policy = { subject: `user:${userId}`, limits: [{ ...limit, action: 'ACTION_WARN' }] };
    await plane.call('PolicyService/UpdatePolicy', { orgId: 'acme', policy });
    await save({ userId, dailyCostLimitCents: 100 });
    const names = ((await policyOf(userId))['limits'] as Json[]).map(({ name }) => name);
    expect(names).toEqual(['daily-cost', 'daily-cost-2']);
  });
});

describe('saving the form', () => {
  it('honours If-Match: of two who have read the same, one must read again', async () => {
    const userId = newcomer();
    const first = await save({ userId, requestsPerDay: 1 }, { 'if-match': '"0"' });
    const second = await save({ userId, requestsPerDay: 2 }, { 'if-match': '"0"' });
    expect([first.status, second.status]).toEqual([200, 412]);
    expect(second.headers.get('etag')).toBe('"1"');
    expect(second.headers.get('content-type')).toBe('application/problem+json');
    expect(second.body).toMatchObject({
      status: 412,
      reason: 'ETAG_MISMATCH',
      type: 'about:blank',
    });
    expect((await save({ userId, requestsPerDay: 3 }, { 'if-match': '"1"' })).status).toBe(200);
  });

  it('answers a repeat with the same key as the first time, and writes once', async () => {
    const userId = newcomer();
    const headers = { 'idempotency-key': `save-${userId}` };
    const first = await save({ userId, requestsPerDay: 1 }, headers);
    const again = await save({ userId, requestsPerDay: 1 }, headers);
    expect(again.body).toEqual(first.body);
    const other = await save({ userId, requestsPerDay: 2 }, headers);
    expect([other.status, other.body['reason']]).toEqual([409, 'REQUEST_ID_CONFLICT']);
  });

  it('shows what it would do, and writes nothing', async () => {
    const userId = newcomer();
    const shown = await save({ userId, requestsPerDay: 1 }, {}, '?validateOnly=true');
    expect(shown.body).toMatchObject({ requestsPerDay: '1', revision: '1' });
    const { body } = await send('GET', `${path}?pageSize=1000`);
    expect((body['userPolicies'] as Json[]).map((one) => one['userId'])).not.toContain(userId);
  });

  it.each([
    [{ dailyCostLimitCents: '1e3' }, 'dailyCostLimitCents'],
    [{ dailyCostLimitCents: -1 }, 'dailyCostLimitCents'],
    [{ dailyCostLimitCents: 1e21 }, 'dailyCostLimitCents'],
    [{ monthlyCostLimitCents: '922337203685.4775808' }, 'monthlyCostLimitCents'],
    [{ dailyTokenLimit: -1 }, 'dailyTokenLimit'],
    [{ monthlyTokenLimit: '9223372036854775808' }, 'monthlyTokenLimit'],
    [{ requestsPerMinute: 1.5 }, 'requestsPerMinute'],
    [{ requestsPerHour: '-1' }, 'requestsPerHour'],
    [{ requestsPerDay: 'many' }, 'requestsPerDay'],
    [{ allowedModels: ['a b'] }, 'allowedModels[0]'],
    [{ blockedModels: Array(257).fill('a') }, 'blockedModels'],
    [{ maxModelTier: -1 }, 'maxModelTier'],
    [{ bypassCostLimits: true }, 'notes'],
    [{ notes: 'x'.repeat(2001) }, 'notes'],
    [{ userId: '' }, 'userId'],
    [{ dailyLimit: 5 }, 'dailyLimit'],
    [{ reason: 'x'.repeat(1001) }, 'reason'],
  ])('refuses %j and names the field', async (form, field) => {
    const refused = await save({ userId: newcomer(), ...form });
    expect(refused.status).toBe(400);
    expect(refused.body).toMatchObject({
      status: 400,
      reason: 'FIELD_INVALID',
      title: 'Bad Request',
    });
    const { errors } = refused.body as { errors: { field: string; detail: string }[] };
    expect(errors.map((one) => one.field)).toContain(field);
  });

  it.each(['', '[]', '5', 'null', '{', '{"userId":"a","userId":"b"}', 'a'.repeat(300_000)])(
    'refuses a body that is no form: %.20s',
    async (text) => {
      const refused = await save(text);
      expect([400, 429]).toContain(refused.status);
      expect(refused.headers.get('content-type')).toBe('application/problem+json');
      expect(refused.body['reason']).toMatch(/^(FIELD_INVALID|MESSAGE_\w+)$/);
    },
  );
});
