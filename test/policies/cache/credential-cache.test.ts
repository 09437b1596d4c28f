import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCachedPolicies } from '../../../src/policies/cache/cached-policies.ts';
import type { PolicyStore } from '../../../src/policies/policy-store.ts';
import { createTestDatabase } from '../../support/database.ts';
import type { TestDatabase } from '../../support/database.ts';
import { change, freshId, key, need, organization, storeOn } from '../builders.ts';
import { holdPool } from '../held-pool.ts';

const looksUp = 'credential_secret';

let database: TestDatabase;
let store: PolicyStore;
const org = freshId('org');

beforeAll(async () => {
  database = await createTestDatabase();
  store = storeOn(database.pool);
  await store.createOrganization(organization(org), change);
});
afterAll(() => database.drop());

function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

test('a secret is looked up once, then known', async () => {
  const id = freshId('k');
  await store.createCredential(org, key(id), hashOf(id), change);
  const held = holdPool(database.pool);
  const policies = createCachedPolicies({ pool: held.pool });
  const found = { orgId: org, kind: 'key', id };
  expect(await policies.credential(hashOf(id), 'anyone')).toEqual(found);
  expect(policies.credential(hashOf(id), 'anyone')).toEqual(found);
  expect(held.count(looksUp)).toBe(1);
});

test('a flood of unknown secrets is a handful of queries, one at a time', async () => {
  const held = holdPool(database.pool);
  const policies = createCachedPolicies({ pool: held.pool, maxLookups: 500 });
  const first = held.hold(looksUp, 'before');
  const opening = policies.credential(hashOf('opening'), 'anyone');
  await first.reached;
  const flood = Array.from({ length: 251 }, async () =>
    policies.credential(randomBytes(32), 'anyone'),
  );
  const settled = Promise.allSettled(flood);
  first.release();
  expect(await opening).toBeUndefined();
  const refused = (await settled).filter((one) => one.status === 'rejected');
  expect(refused).toHaveLength(1);
  expect(refused[0]?.reason).toMatchObject({ kind: 'RESOURCE_EXHAUSTED', reason: 'OVERLOADED' });
  expect(held.count(looksUp)).toBe(2);
});

// Red before: that a secret is unknown was remembered for two seconds.
test('a secret that was asked for before its credential existed is known from the creation on', async () => {
  const id = freshId('k');
  const policies = createCachedPolicies({ pool: database.pool });
  expect(await policies.credential(hashOf(id), 'anyone')).toBeUndefined();
  await store.createCredential(org, key(id), hashOf(id), change);
  expect(await policies.credential(hashOf(id), 'anyone')).toMatchObject({ id });
});

test('an answer that was read before a creation is not shared with who asks after it', async () => {
  const id = freshId('k');
  const held = holdPool(database.pool);
  const policies = createCachedPolicies({ pool: held.pool });
  const slow = held.hold(looksUp, 'after');
  const early = policies.credential(hashOf(id), 'anyone');
  await slow.reached;
  await store.createCredential(org, key(id), hashOf(id), change);
  const late = policies.credential(hashOf(id), 'anyone');
  slow.release();
  expect(await early).toBeUndefined();
  expect(await late).toMatchObject({ id });
});

test('a revoked credential is still found, and its record says so from that epoch on', async () => {
  const id = freshId('k');
  await store.createCredential(org, key(id), hashOf(id), change);
  const policies = createCachedPolicies({ pool: database.pool });
  const presented = { kind: 'key', id } as const;
  const before = await policies.view(org, need({}, presented));
  expect(before?.credential('key', id)?.state).toBe('ACTIVE');
  await store.put(org, 'key', key(id, { state: 'REVOKED' }), change);
  expect(await policies.credential(hashOf(id), 'anyone')).toMatchObject({ id });
  const after = await policies.view(org, need({}, presented), (before?.epoch ?? 0) + 1);
  expect(after?.credential('key', id)?.state).toBe('REVOKED');
});

// Red with places for all together: the flood had all of them, and the other was refused.
test('an organization with many unknown secrets leaves room for the first look-ups of others', async () => {
  const id = freshId('k');
  await store.createCredential(org, key(id), hashOf(id), change);
  const held = holdPool(database.pool);
  const policies = createCachedPolicies({ pool: held.pool, maxLookups: 100 });
  const first = held.hold(looksUp, 'before');
  const opening = policies.credential(hashOf('opening'), 'opening');
  await first.reached;
  const flood = Array.from({ length: 1000 }, async () =>
    policies.credential(randomBytes(32), 'flood'),
  );
  const settled = Promise.allSettled(flood);
  const found = policies.credential(hashOf(id), 'quiet');
  first.release();
  await opening;
  expect(await found).toMatchObject({ orgId: org, id });
  const refused = (await settled).filter((one) => one.status === 'rejected');
  expect(refused).toHaveLength(950);
});
