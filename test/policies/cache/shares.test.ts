import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCachedPolicies } from '../../../src/policies/cache/cached-policies.ts';
import type { PolicyStore } from '../../../src/policies/policy-store.ts';
import { createTestDatabase } from '../../support/database.ts';
import type { TestDatabase } from '../../support/database.ts';
import { change, freshId, key, need, organization, storeOn, user } from '../builders.ts';
import { holdPool } from '../held-pool.ts';

/*
 * Red with one memory for all organizations in which the least used entry gives way (as it was before): everything
 * of the quiet organization is read again.
 */
const readsSubjects = 'WITH ORDINALITY';
const looksUp = 'credential_secret';
const [flood, quiet] = [freshId('flood'), freshId('quiet')];

let database: TestDatabase;
let store: PolicyStore;

beforeAll(async () => {
  database = await createTestDatabase();
  store = storeOn(database.pool);
  for (const orgId of [flood, quiet]) await store.createOrganization(organization(orgId), change);
});
afterAll(() => database.drop());

const hashOf = (secret: string): Buffer => createHash('sha256').update(secret).digest();

test('an organization that names many users does not displace the users of others', async () => {
  await store.put(quiet, 'user', user('alice'), change);
  const held = holdPool(database.pool);
  const policies = createCachedPolicies({ pool: held.pool, maxSubjects: 100 });
  const users = ['alice', 'unregistered'];
  for (const id of users) await policies.view(quiet, need({ user: id }));
  for (let number = 0; number < 300; number += 1) {
    await policies.view(flood, need({ user: `u${number}` }));
  }
  const before = held.count(readsSubjects);
  for (const id of users) await policies.view(quiet, need({ user: id }));
  expect(held.count(readsSubjects)).toBe(before);
});

test('an organization with many secrets does not displace those of others', async () => {
  const held = holdPool(database.pool);
  const policies = createCachedPolicies({ pool: held.pool, maxCredentials: 10 });
  const own = freshId('k');
  await store.createCredential(quiet, key(own), hashOf(own), change);
  await policies.credential(hashOf(own), 'anyone');
  for (let number = 0; number < 30; number += 1) {
    const id = freshId('k');
    await store.createCredential(flood, key(id), hashOf(id), change);
    await policies.credential(hashOf(id), 'anyone');
  }
  const before = held.count(looksUp);
  expect(await policies.credential(hashOf(own), 'anyone')).toMatchObject({ orgId: quiet, id: own });
  expect(held.count(looksUp)).toBe(before);
});

test('an organization with many different calls does not displace what was derived for others', async () => {
  const policies = createCachedPolicies({ pool: database.pool, maxDerivations: 10 });
  const quietView = await policies.view(quiet, need({}));
  const floodView = await policies.view(flood, need({}));
  let made = 0;
  const make = (): number => (made += 1);
  quietView?.remember('mine', make);
  for (let number = 0; number < 30; number += 1) floodView?.remember(`theirs ${number}`, make);
  expect(quietView?.remember('mine', make)).toBe(1);
});
