import { afterAll, beforeAll, expect, test } from 'vitest';
import { UsageService } from '../../gen/tollgate/admin/v1/usage_pb.ts';
import { callGrpc } from '../support/admin-grpc.ts';
import type { Json } from '../support/admin-plane.ts';
import { startBothPlanes } from '../support/both-planes.ts';
import type { BothPlanes } from '../support/both-planes.ts';
import { anyChange, plainOrganization } from '../support/organization.ts';

let planes: BothPlanes;
beforeAll(async () => {
  planes = await startBothPlanes('2026-03-10T09:00:00Z');
  await planes.store.createOrganization(plainOrganization('acme'), anyChange);
  const set = async (rpc: string, message: Json): Promise<void> => {
    expect((await planes.call(rpc, { orgId: 'acme', ...message })).code).toBe('OK');
  };
  await set('CatalogService/CreateModel', { model: { id: 'big', provider: 'openai' } });
  await set('CatalogService/CreateModel', { model: { id: 'small', provider: 'openai' } });
  await set('CatalogService/CreateRouteGroup', {
    routeGroup: { id: 'chat', members: ['small', 'big'] },
  });
  const price = (subject: string, input: string, more: Json = {}): Json => ({
    scope: 'PRICE_SCOPE_MODEL',
    subject,
    unit: 'PRICE_UNIT_PER_1M_TOKENS',
    rates: [{ input, output: '10', cachedInput: '0.000001', units: { image: '0.04' } }],
    ...more,
  });
  await set('CatalogService/AppendPrices', {
    prices: [
      price('big', '2.50'),
      price('small', '0.15'),
      price('key:k1', '1', { scope: 'PRICE_SCOPE_KEY' }),
      price('big', '5', { effectiveTime: '2026-06-01T00:00:00Z' }),
    ],
  });
});
afterAll(() => planes.stop());

const usage = { inputTokens: '1003', cachedInputTokens: '3', outputTokens: '10' };
const priceOf = async (more: Json): Promise<Json> => {
  const call = { orgId: 'acme', target: 'big', usage, ...more };
  return (await planes.call('UsageService/PriceCall', call)).body;
};

test('a call is priced part by part, exactly, and rounded once', async () => {
  const answer = {
    costNanos: '2600000',
    priceRevision: { scope: 'PRICE_SCOPE_MODEL', subject: 'big', revision: '1' },
    model: 'big',
    parts: [
      { kind: 'COST_PART_KIND_INPUT', quantity: '1000', rate: '0.0000025', amount: '0.0025' },
      {
        kind: 'COST_PART_KIND_CACHED_INPUT',
        quantity: '3',
        rate: '0.000000000001',
        amount: '0.000000000003',
      },
      { kind: 'COST_PART_KIND_OUTPUT', quantity: '10', rate: '0.00001', amount: '0.0001' },
    ],
  };
  expect(await priceOf({})).toEqual(answer);
  const call = { orgId: 'acme', target: 'big', usage };
  const { body } = await callGrpc(planes.url, UsageService, 'PriceCall', call, planes.adminSecret);
  expect(body).toEqual(answer);
});

test('the price is that of the key, of the dearest member, or of another time', async () => {
  const key = await priceOf({ subjects: { key: 'k1' } });
  expect(key).toMatchObject({ costNanos: '1100000', priceRevision: { subject: 'key:k1' } });
  expect(await priceOf({ target: 'chat' })).toMatchObject({ model: 'big', costNanos: '2600000' });
  const later = await priceOf({ priceTime: '2026-07-01T00:00:00Z' });
  expect(later).toMatchObject({ costNanos: '5100000', priceRevision: { revision: '2' } });
});

test('a unit without a rate costs 0, and the call is unpriced; so is one without a price', async () => {
  const units = { image: '2', search: '1' };
  const { parts, ...rest } = await priceOf({ usage: { ...usage, units } });
  expect(rest).toMatchObject({ unpriced: true, costNanos: '82600000' });
  expect((parts as Json[]).slice(-2)).toEqual([
    { kind: 'COST_PART_KIND_UNIT', unit: 'image', quantity: '2', rate: '0.04', amount: '0.08' },
    { kind: 'COST_PART_KIND_UNIT', unit: 'search', quantity: '1', amount: '0' },
  ]);
  expect(await priceOf({ target: 'unknown' })).toEqual({ unpriced: true });
});

async function hold(requestId: string, user: string, ttl: string): Promise<void> {
  const estimate = { inputTokens: 5n, outputTokens: 7n, costNanos: 9n };
  const call = { orgId: 'acme', requestId, target: 'big', subjects: { user }, estimate };
  await planes.check({ ...call, ttl: { seconds: BigInt(ttl) } });
}

test('open holds are listed as they will expire, of one subject or of all, with what they hold', async () => {
  await hold('late', 'a@b', '600');
  await hold('soon', 'ben', '60');
  await hold('next', 'a@b', '120');
  const ids = async (more: Json): Promise<string[]> => {
    const asked = { orgId: 'acme', pageSize: 2, ...more };
    const { body } = await planes.call('UsageService/ListHolds', asked);
    const page = ((body['holds'] ?? []) as { requestId: string }[]).map((one) => one.requestId);
    const pageToken = body['nextPageToken'];
    return pageToken === undefined ? page : [...page, '|', ...(await ids({ ...more, pageToken }))];
  };
  expect(await ids({})).toEqual(['soon', 'next', '|', 'late']);
  expect(await ids({ subject: 'user:a@b' })).toEqual(['next', 'late']);
  const { body } = await planes.call('UsageService/ListHolds', { orgId: 'acme', pageSize: 1 });
  expect((body['holds'] as Json[])[0]).toMatchObject({
    target: 'big',
    heldCostNanos: '9',
    heldInputTokens: '5',
    heldOutputTokens: '7',
    requestCount: '1',
    checkTime: '2026-03-10T09:00:00Z',
    expireTime: '2026-03-10T09:01:00Z',
    meters: [{ name: 'user:ben' }, { name: 'org' }],
  });
});

// Red where the page of a subject with few holds among many ended the list.
test('a subject whose holds come behind ten thousand others is found on a later page', async () => {
  await planes.database.pool.query(
    `INSERT INTO call SELECT org_id, 'many' || n, state, version, content, answer, detail, '{org}', facts, held_cost,
       held_input, held_output, booked_at, booked_at + 1, requests FROM call, generate_series(1, 10000) n
     WHERE request_id = 'late'`,
  );
  const asked = { orgId: 'acme', subject: 'user:ben' };
  const { body } = await planes.call('UsageService/ListHolds', asked);
  expect(body['holds']).toBeUndefined();
  const pageToken = body['nextPageToken'];
  const next = await planes.call('UsageService/ListHolds', { ...asked, pageToken });
  expect((next.body['holds'] as { requestId: string }[]).map((one) => one.requestId)).toEqual([
    'soon',
  ]);
  expect(next.body['nextPageToken']).toBeUndefined();
});
