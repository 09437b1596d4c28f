import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCachedPolicies } from '../../../src/policies/cache/cached-policies.ts';
import { createTestDatabase } from '../../support/database.ts';
import type { TestDatabase } from '../../support/database.ts';
import { change, freshId, key, need, organization, storeOn, team, user } from '../builders.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

interface State {
  readonly team: string | undefined;
  readonly user: string | undefined;
  readonly key: string | undefined;
}

const rounds = 400;

// Planted: with the comparison of epochs taken out of `assemble`, this is red.
test.each([
  { maxSubjects: 1000, memory: 'ample' },
  { maxSubjects: 1, memory: 'tiny' },
])('with $memory memory, every view under a storm of changes is of one epoch', async (bounds) => {
  const store = storeOn(database.pool);
  const org = freshId('org');
  await store.createOrganization(organization(org), change);
  const states: State[] = [];
  states[1] = { team: undefined, user: undefined, key: undefined };
  const writer = { finished: false };

  async function write(): Promise<void> {
    for (let round = 0; round < rounds; round += 1) {
      const name = `n${round}`;
      const before = states[round + 1] ?? states[1];
      const which = (['team', 'user', 'key'] as const)[round % 3] ?? 'team';
      // Known before it is written: a reader may see it before the writer hears of it.
      states[round + 2] = { team: undefined, user: undefined, key: undefined, ...before };
      states[round + 2] = { ...states[round + 2], [which]: name } as State;
      if (which === 'team')
        await store.put(org, 'team', { ...team('t'), displayName: name }, change);
      if (which === 'user') await store.put(org, 'user', user('u', { displayName: name }), change);
      if (which === 'key') {
        await store.put(org, 'key', key('k', { displayName: name, user: 'u' }), change);
      }
    }
    writer.finished = true;
  }

  async function read(policies: ReturnType<typeof createCachedPolicies>): Promise<number> {
    let looks = 0;
    for (; !writer.finished; looks += 1) {
      // What is cached is answered at once, so that without this the writer would never have its turn.
      await setImmediate();
      const atLeast = looks % 2 === 0 ? states.length - 2 : 0;
      const named =
        looks % 3 === 0 ? need({}, { kind: 'key', id: 'k' }) : need({ user: 'u', key: 'k' });
      const view = await policies.view(org, named, Math.max(0, atLeast));
      if (view === undefined) throw new Error('the organization is absent');
      expect(view.epoch).toBeGreaterThanOrEqual(atLeast);
      const seen = {
        team: view.team('t')?.displayName,
        user: view.user('u')?.displayName,
        key: view.credential('key', 'k')?.displayName,
      };
      if (seen.key === undefined) seen.user = states[view.epoch]?.user;
      expect(seen).toEqual(states[view.epoch]);
    }
    return looks;
  }

  const caches = [0, 1].map(() => createCachedPolicies({ pool: database.pool, ...bounds }));
  const readers = caches.flatMap((policies) => [read(policies), read(policies)]);
  const [, ...looks] = await Promise.all([write(), ...readers]);
  expect(Math.min(...looks)).toBeGreaterThan(10);
});
