import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCachedPolicies } from '../../../src/policies/cache/cached-policies.ts';
import type { ChangeNotice } from '../../../src/policies/store/change.ts';
import { startPolicyWatch } from '../../../src/policies/cache/policy-watch.ts';
import { createTestDatabase } from '../../support/database.ts';
import type { TestDatabase } from '../../support/database.ts';
import { change, freshId, need, organization, storeOn, team, user } from '../builders.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

test('every process that listens is notified of a change, and not of a failed one', async () => {
  const store = storeOn(database.pool);
  const notices: ChangeNotice[] = [];
  const watch = startPolicyWatch({ url: database.url, onNotice: (one) => notices.push(one) });
  await watch.listening;
  const org = freshId('org');
  await store.createOrganization(organization(org), change);
  await store.put(org, 'team', team('red'), { ...change, validateOnly: true });
  await expect(store.put(org, 'user', user('a', { teams: ['none'] }), change)).rejects.toThrow();
  await store.put(org, 'team', team('red'), change);
  await expect
    .poll(() => notices)
    .toEqual([
      { orgId: org, epoch: 1, kind: 'organization' },
      { orgId: org, epoch: 2, kind: 'team' },
    ]);
  await watch.close();
});

test('a notice brings the cache up to date in the background', async () => {
  const store = storeOn(database.pool);
  const org = freshId('org');
  await store.createOrganization(organization(org), change);
  const policies = createCachedPolicies({ pool: database.pool });
  const watch = startPolicyWatch({ url: database.url, onNotice: (one) => policies.noticed(one) });
  await policies.view(org, need({}));
  const epoch = async () => {
    await store.put(org, 'team', team('red'), change);
    return (await policies.view(org, need({})))?.epoch ?? 0;
  };
  await expect.poll(epoch).toBeGreaterThan(1);
  await watch.close();
});

test('a watch that lost its connection listens again', async () => {
  const store = storeOn(database.pool);
  const org = freshId('org');
  await store.createOrganization(organization(org), change);
  const notices: ChangeNotice[] = [];
  let losses = 0;
  const watch = startPolicyWatch({
    url: database.url,
    onNotice: (one) => notices.push(one),
    onLost: () => (losses += 1),
    firstDelayMs: 1,
  });
  await watch.listening;
  await database.pool.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name = 'tollgate watch' AND datname = current_database()`,
  );
  await expect.poll(() => losses).toBe(1);
  const heard = async () => {
    await store.put(org, 'team', team('red'), change);
    return notices.length;
  };
  await expect.poll(heard).toBeGreaterThan(0);
  await watch.close();
});

test('a watch that is closed while the server cannot be reached stays closed', async () => {
  const watch = startPolicyWatch({
    url: 'postgres://nobody@127.0.0.1:1/none',
    onNotice: () => {},
    firstDelayMs: 1,
  });
  await watch.close();
  await watch.listening;
});
