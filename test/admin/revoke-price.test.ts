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

const series = { scope: 'PRICE_SCOPE_MODEL', subject: 'm' };
const price = { ...series, unit: 'PRICE_UNIT_PER_1M_TOKENS', rates: [{ input: '1' }] };
const announced = { ...price, effectiveTime: '2026-03-11T00:00:00Z' };

async function call(rpc: string, message: Json): Promise<Json> {
  const { code, body } = await plane.call(`CatalogService/${rpc}`, { orgId, ...message });
  expect([rpc, code, body['message']]).toEqual([rpc, 'OK', undefined]);
  return body;
}
const append = (...prices: Json[]) => call('AppendPrices', { prices, reason: 'list of March' });
const revoke = (revision: number, more: Json = {}) =>
  call('RevokePrice', { ...series, revision, reason: 'mistyped', ...more });
const epoch = async () => {
  const text = 'SELECT epoch::integer FROM org WHERE org_id = $1';
  return (await plane.database.pool.query<{ epoch: number }>(text, [orgId])).rows[0]?.epoch;
};

test('every revision says who appended and who revoked it, when and why', async () => {
  await append(price, { ...price, serviceTier: 'flex' });
  await revoke(1, { serviceTier: 'flex' });
  const { prices } = await call('ListPrices', {});
  const appended = { reason: 'list of March', actor: 'root', createTime: expect.any(String) };
  expect(prices).toMatchObject([
    { ...appended, revision: '1' },
    {
      ...appended,
      serviceTier: 'flex',
      revision: '1',
      revokeReason: 'mistyped',
      revokeActor: 'root',
      revokeTime: '2026-03-10T09:00:00Z',
    },
  ]);
  const [first] = prices as readonly Json[];
  expect(Object.keys(first ?? {}).filter((key) => key.startsWith('revoke'))).toEqual([]);
});

// Planted: with the end of a revision that has ended counted as a change, the epoch is one more at the end.
test('one that is to come is ended by its number; a repeat is answered, by its id or without', async () => {
  await append(price, announced);
  const before = await epoch();
  const preview = await revoke(2, { validateOnly: true });
  expect(preview).toMatchObject({ price: { revision: '2', revokeReason: 'mistyped' } });
  expect(await epoch()).toBe(before);
  const first = await revoke(2, { requestId: 'a' });
  expect(first).toMatchObject({
    price: { revision: '2', revokeActor: 'root' },
    inForce: { revision: '1' },
  });
  const after = await epoch();
  await append(price);
  expect(await revoke(2, { requestId: 'a' })).toEqual(first);
  expect(await revoke(2, { reason: 'again' })).toMatchObject({
    price: first['price'],
    inForce: { revision: '3' },
  });
  expect(await epoch()).toBe(Number(after) + 1);
  const other = { orgId, ...series, revision: 1, reason: 'mistyped', requestId: 'a' };
  expect(await plane.call('CatalogService/RevokePrice', other)).toMatchObject({
    code: 'ALREADY_EXISTS',
  });
});

test('a price that is not there is not found, nor one of another service tier', async () => {
  await append(price);
  for (const more of [{ revision: 2 }, { revision: 1, serviceTier: 'flex' }]) {
    const answer = await plane.call('CatalogService/RevokePrice', { orgId, ...series, ...more });
    expect(answer).toMatchObject({ code: 'NOT_FOUND' });
  }
});
