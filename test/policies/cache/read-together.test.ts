import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCachedPolicies } from '../../../src/policies/cache/cached-policies.ts';
import { createTestDatabase } from '../../support/database.ts';
import type { TestDatabase } from '../../support/database.ts';
import { change, freshId, need, organization, storeOn, user } from '../builders.ts';
import { holdPool } from '../held-pool.ts';

const readsSubjects = 'WITH ORDINALITY';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

// Red on the code before, with a query for each user; and with no bound: one query for all.
test('the users of calls that come at the same time are read together, a bounded number at once', async () => {
  const org = freshId('org');
  const store = storeOn(database.pool);
  await store.createOrganization(organization(org), change);
  await store.put(org, 'user', user('u7', { displayName: 'Seven' }), change);
  const held = holdPool(database.pool);
  const policies = createCachedPolicies({ pool: held.pool });
  await policies.view(org, need({}));
  const ids = Array.from({ length: 600 }, (_, number) => `u${number}`);
  const views = await Promise.all(ids.map(async (id) => policies.view(org, need({ user: id }))));
  expect(views.map((view, number) => view?.user(`u${number}`)?.displayName)).toEqual(
    ids.map((id) => (id === 'u7' ? 'Seven' : undefined)),
  );
  expect(held.count(readsSubjects)).toBe(3);
});

// Seen red: with the reading kept after it failed, the second view fails too.
test('a reading that fails does so for those that share it, and not for later ones', async () => {
  const org = freshId('org');
  await storeOn(database.pool).createOrganization(organization(org), change);
  const failing = { isOn: false };
  const pool = new Proxy(database.pool, {
    get: (target, name) => {
      const isRefused = name === 'query' && failing.isOn;
      return isRefused
        ? () => Promise.reject(new Error('refused'))
        : Reflect.get(target, name, target);
    },
  });
  const policies = createCachedPolicies({ pool });
  await policies.view(org, need({}));
  failing.isOn = true;
  const both = await Promise.allSettled(
    ['a', 'b'].map(async (id) => policies.view(org, need({ user: id }))),
  );
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  failing.isOn = false;
  expect(await policies.view(org, need({ user: 'a' }))).toBeDefined();
});
