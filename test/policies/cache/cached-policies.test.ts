import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { OrganizationView } from '../../../src/core/organization-view.ts';
import { createCachedPolicies } from '../../../src/policies/cache/cached-policies.ts';
import type { PolicyStore } from '../../../src/policies/policy-store.ts';
import { createTestDatabase } from '../../support/database.ts';
import type { TestDatabase } from '../../support/database.ts';
import {
  change,
  freshId,
  key,
  limit,
  model,
  need,
  organization,
  policy,
  price,
  storeOn,
  team,
  user,
} from '../builders.ts';
import { holdPool } from '../held-pool.ts';

const readsSubjects = 'WITH ORDINALITY';
const readsOrganization = 'UNION ALL';

let database: TestDatabase;
let store: PolicyStore;
let org: string;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
  store = storeOn(database.pool);
  org = freshId('org');
  await store.createOrganization(organization(org), change);
});

function present(view: OrganizationView | undefined): OrganizationView {
  if (view === undefined) throw new Error('the organization is absent');
  return view;
}

test('a view is whole: shared parts and the subjects that the call names', async () => {
  await store.put(org, 'team', team('red'), change);
  await store.put(org, 'user', user('alice', { teams: ['red'] }), change);
  await store.put(org, 'model', model('gpt', { defaultOutputTokens: 7n }), change);
  await store.appendPrices(org, [price('MODEL', 'gpt', 1n), price('MODEL', 'gpt', 2n)], change);
  const each = limit('each', { for: { kind: 'USER' } });
  await store.putPolicy(org, policy({ kind: 'team', id: 'red' }, [each]), change);
  await store.putPolicy(org, policy({ kind: 'user', id: 'alice' }, [limit('own')]), change);
  const policies = createCachedPolicies({ pool: database.pool });
  const view = present(await policies.view(org, need({ user: 'alice' })));
  expect(view.epoch).toBe(7);
  expect(view.organization).toEqual(organization(org));
  expect(view.team('red')).toEqual(team('red'));
  expect(view.user('alice')?.teams).toEqual(['red']);
  expect(view.model('gpt')?.defaultOutputTokens).toBe(7n);
  expect(view.prices('MODEL', 'gpt').map(({ rates }) => rates[0]?.input)).toEqual([1n, 2n]);
  expect(view.policy({ kind: 'team', id: 'red' })?.limits).toEqual([each]);
  expect(view.policy({ kind: 'user', id: 'alice' })?.limits[0]?.amount).toBe(10n);
  expect(view.user('bob')).toBeUndefined();
});

test('a credential, its user, principal and its application are loaded with it', async () => {
  const indexer = {
    id: 'agent:indexer',
    displayName: '',
    kind: 'AGENT',
    namespace: 'tenant:acme',
    groups: [],
    app: 'crm',
    purpose: '',
  } as const;
  await store.put(org, 'app', { id: 'crm', displayName: 'CRM' }, change);
  await store.put(org, 'principal', indexer, change);
  await store.put(org, 'user', user('alice'), change);
  const bound = key('k1', { user: 'alice', principal: indexer.id, customer: 'c1' });
  await store.put(org, 'key', bound, change);
  const policies = createCachedPolicies({ pool: database.pool });
  const view = present(await policies.view(org, need({}, { kind: 'key', id: 'k1' })));
  expect(view.credential('key', 'k1')).toEqual(bound);
  expect(view.user('alice')?.id).toBe('alice');
  expect(view.principal('agent:indexer')?.app).toBe('crm');
  expect(view.app('crm')?.displayName).toBe('CRM');
});

test('what is cached is answered at once, unregistered subjects too', async () => {
  const policies = createCachedPolicies({ pool: database.pool });
  await policies.view(org, need({ user: 'nobody' }));
  const again = policies.view(org, need({ user: 'nobody' }));
  expect(again).not.toBeInstanceOf(Promise);
});

test('callers that come at once share one load', async () => {
  const held = holdPool(database.pool);
  const policies = createCachedPolicies({ pool: held.pool });
  const look = async () => policies.view(org, need({ user: 'alice' }));
  await Promise.all(Array.from({ length: 50 }, look));
  // The organization, and the platform.
  expect(held.count(readsOrganization)).toBe(2);
  expect(held.count(readsSubjects)).toBe(1);
});

test('a view asked for at an epoch is never older, in one load of what is new', async () => {
  const held = holdPool(database.pool);
  const policies = createCachedPolicies({ pool: held.pool });
  await policies.view(org, need({ user: 'alice' }));
  await store.put(org, 'user', user('alice', { tier: 'pro' }), change);
  const old = present(await policies.view(org, need({ user: 'alice' })));
  expect(old.user('alice')).toBeUndefined();
  const view = present(await policies.view(org, need({ user: 'alice' }), 2));
  expect(view.epoch).toBe(2);
  expect(view.user('alice')?.tier).toBe('pro');
  // The organization and the platform, each whole, and then what is new of the organization.
  expect(held.count(readsOrganization)).toBe(3);
});

test('a view that was handed out does not change under its holder', async () => {
  const policies = createCachedPolicies({ pool: database.pool });
  const old = present(await policies.view(org, need({ user: 'alice' })));
  await store.put(org, 'team', team('red'), change);
  await store.put(org, 'user', user('alice'), change);
  await policies.view(org, need({ user: 'alice' }), 3);
  expect([old.epoch, old.team('red'), old.user('alice')]).toEqual([1, undefined, undefined]);
});

// Planted: with the comparison of epochs taken out of `assemble`, this is red.
test('a subject that was read before a change is not taken for one of after it', async () => {
  await store.put(org, 'user', user('alice', { tier: 'free' }), change);
  const held = holdPool(database.pool);
  const policies = createCachedPolicies({ pool: held.pool });
  const slow = held.hold(readsSubjects, 'after');
  const waiting = policies.view(org, need({ user: 'alice' }));
  await slow.reached;
  await store.put(org, 'user', user('alice', { tier: 'pro' }), change);
  await policies.view(org, need({}), 3);
  slow.release();
  const view = present(await waiting);
  expect([view.epoch, view.user('alice')?.tier]).toEqual([3, 'pro']);
  const cached = present(await policies.view(org, need({ user: 'alice' }), 3));
  expect(cached.user('alice')?.tier).toBe('pro');
});

// Planted: when the epoch of what was read does not raise the one asked for, this is red.
test('a subject newer than the organization brings the organization along', async () => {
  const held = holdPool(database.pool);
  const policies = createCachedPolicies({ pool: held.pool });
  const slow = held.hold(readsSubjects, 'before');
  const waiting = policies.view(org, need({ user: 'alice' }));
  await slow.reached;
  await store.put(org, 'team', team('red'), change);
  await store.put(org, 'user', user('alice', { teams: ['red'] }), change);
  slow.release();
  const view = present(await waiting);
  expect([view.epoch, view.team('red')?.id, view.user('alice')?.teams]).toEqual([
    3,
    'red',
    ['red'],
  ]);
  expect(held.count(readsSubjects)).toBe(1);
});

test('a memory smaller than a call still answers it', async () => {
  const policies = createCachedPolicies({
    pool: database.pool,
    maxSubjects: 1,
    maxOrganizations: 1,
    maxDerivations: 1,
  });
  await store.put(org, 'user', user('alice'), change);
  await store.put(org, 'app', { id: 'crm', displayName: '' }, change);
  const named = need({ user: 'alice', app: 'crm', customer: 'c1', principal: 'p1' });
  const other = freshId('org');
  await store.createOrganization(organization(other), change);
  for (const orgId of [org, other, org]) {
    const view = present(await policies.view(orgId, named));
    expect(view.user('alice') !== undefined).toBe(orgId === org);
  }
});

// Red before: that an organization is absent was remembered for two seconds.
test('an organization that was asked for before it existed is known from its creation on', async () => {
  const policies = createCachedPolicies({ pool: database.pool });
  const id = freshId('org');
  expect(await policies.view(id, need({}))).toBeUndefined();
  await store.createOrganization(organization(id), change);
  expect(present(await policies.view(id, need({}))).epoch).toBe(1);
});

test('a flood of unknown organizations is a handful of queries, and loads none of them', async () => {
  const held = holdPool(database.pool);
  const policies = createCachedPolicies({ pool: held.pool, maxLookups: 500 });
  const first = held.hold('FROM org', 'before');
  const opening = policies.view('opening', need({}));
  await first.reached;
  const flood = Array.from({ length: 501 }, async (_, at) => policies.view(`no${at}`, need({})));
  const settled = Promise.allSettled(flood);
  first.release();
  expect(await opening).toBeUndefined();
  const refused = (await settled).filter((one) => one.status === 'rejected');
  expect(refused).toHaveLength(1);
  expect(refused[0]?.reason).toMatchObject({ kind: 'RESOURCE_EXHAUSTED', reason: 'OVERLOADED' });
  expect(held.count('FROM org')).toBe(2);
});

// Red with one reader for both: the known organization was refused, because unknown ones had all places.
test('a flood of unknown organizations refuses no known one', async () => {
  const held = holdPool(database.pool);
  const policies = createCachedPolicies({ pool: held.pool, maxLookups: 5 });
  const first = held.hold('FROM org', 'before');
  const opening = policies.view('opening', need({}));
  await first.reached;
  const flood = Array.from({ length: 6 }, async (_, at) => policies.view(`no${at}`, need({})));
  const settled = Promise.allSettled(flood);
  expect(await policies.newestEpoch(org)).toBeGreaterThan(0);
  first.release();
  expect(await opening).toBeUndefined();
  expect((await settled).filter(({ status }) => status === 'rejected')).toHaveLength(1);
});

test('derivations are kept for an epoch and made again in the next', async () => {
  const policies = createCachedPolicies({ pool: database.pool });
  let made = 0;
  const derive = (view: OrganizationView) => view.remember('sum', () => (made += 1));
  const first = present(await policies.view(org, need({})));
  const second = present(await policies.view(org, need({})));
  expect([derive(first), derive(second)]).toEqual([1, 1]);
  await store.put(org, 'team', team('red'), change);
  const third = present(await policies.view(org, need({}), 2));
  expect([derive(third), derive(first)]).toEqual([2, 1]);
});

test('the families of a named subject are those of its own policy beside the shared ones', async () => {
  const narrow = limit('gpt', { targets: ['gpt-4o'] });
  await store.putPolicy(org, policy({ kind: 'user', id: 'alice' }, [narrow]), change);
  await store.putPolicy(org, policy({ kind: 'org', id: '' }, [narrow]), change);
  const policies = createCachedPolicies({ pool: database.pool });
  const alice = present(await policies.view(org, need({ user: 'alice' })));
  const bob = present(await policies.view(org, need({ user: 'bob' })));
  expect(alice.families.map(({ kind }) => kind)).toEqual(['org', 'user']);
  expect(bob.families.map(({ kind }) => kind)).toEqual(['org']);
});

test('a store that cannot be reached is UNAVAILABLE, and the next call tries again', async () => {
  const held = holdPool(database.pool);
  let broken = true;
  const pool = new Proxy(held.pool, {
    get: (target, name) => {
      if (name !== 'query' || !broken) return Reflect.get(target, name, target);
      return async () => Promise.reject(new Error('Connection terminated'));
    },
  });
  const policies = createCachedPolicies({ pool });
  await expect(policies.view(org, need({}))).rejects.toMatchObject({
    kind: 'UNAVAILABLE',
    reason: 'STORE_UNAVAILABLE',
  });
  broken = false;
  expect(present(await policies.view(org, need({}))).epoch).toBe(1);
});

test('one thousand changes each bind the next view of another process', async () => {
  const policies = createCachedPolicies({ pool: database.pool });
  const alice = { kind: 'user', id: 'alice' } as const;
  for (let round = 1; round <= 1000; round += 1) {
    const revision = await store.putPolicy(org, policy(alice, [limit('rpd')]), change);
    const view = present(await policies.view(org, need({ user: 'alice' }), round + 1));
    expect(view.policy(alice)?.revision).toBe(revision.policy.revision);
  }
});
