import { expect, test } from 'vitest';
import type { Subject } from '../../../src/core/subject.ts';
import { createCachedPolicies } from '../../../src/policies/cache/cached-policies.ts';
import type { CachedPolicies } from '../../../src/policies/cache/cached-policies.ts';
import { change, limit, need, policy, startMs } from '../builders.ts';
import { useFreshStore } from '../fresh-store.ts';

const fresh = useFreshStore();
const dayMs = 24 * 3_600_000;
const pro = { kind: 'tier', id: 'pro' } as const;
const alice = { kind: 'user', id: 'alice' } as const;
const owners: readonly Subject[] = [pro, alice];

async function declare(): Promise<void> {
  const daily = limit('daily', { for: { kind: 'USER' } });
  await fresh.store.putPolicy(fresh.org, policy(pro, [daily]), change);
}

async function raise(id: string, appliesTo?: Subject, untilMs = startMs + 1000): Promise<void> {
  const wanted = { id, subject: pro, limitName: 'daily', appliesTo, amount: '1', untilMs };
  await fresh.store.createRaise(fresh.org, { ...wanted, kind: 'ADD' }, change);
}

/** The raises that a view of now has, of the tier and of alice. */
async function raisesIn(policies: CachedPolicies): Promise<readonly string[][]> {
  const view = await policies.view(fresh.org, need({ user: 'alice' }), await fresh.epoch());
  return owners.map((owner) => (view?.raises(owner) ?? []).map(({ id }) => id).toSorted());
}

// Planted, and seen red: revoked raises kept in a snapshot; named subjects with a raise left out of a delta.
test('views follow raises that are created and revoked, for all and for one', async () => {
  await declare();
  const policies = createCachedPolicies({ pool: fresh.database.pool });
  expect(await raisesIn(policies)).toEqual([[], []]);
  await raise('all');
  expect(await raisesIn(policies)).toEqual([['all'], []]);
  await raise('hers', alice);
  await raise('hers-2', alice);
  expect(await raisesIn(policies)).toEqual([['all'], ['hers', 'hers-2']]);
  await fresh.store.revokeRaise(fresh.org, 'all', change);
  expect(await raisesIn(policies)).toEqual([[], ['hers', 'hers-2']]);
  await fresh.store.revokeRaise(fresh.org, 'hers', change);
  expect(await raisesIn(policies)).toEqual([[], ['hers-2']]);
});

// Planted, and seen red: no bound on what is loaded of a subject; nothing dropped from a snapshot.
test('raises that ended a day ago are not loaded, and not kept when others change', async () => {
  await declare();
  let nowMs = startMs;
  const clock = { nowMs: () => nowMs };
  const followed = createCachedPolicies({ pool: fresh.database.pool, clock });
  await raise('all');
  await raise('hers', alice);
  expect(await raisesIn(followed)).toEqual([['all'], ['hers']]);
  const fromNothing = () => createCachedPolicies({ pool: fresh.database.pool, clock });
  // The clock of the database may be put back, so what has just ended is still there.
  nowMs = startMs + 1000 + dayMs - 1;
  expect(await raisesIn(fromNothing())).toEqual([['all'], ['hers']]);
  nowMs += 1;
  expect(await raisesIn(fromNothing())).toEqual([[], []]);
  await raise('later', undefined, startMs + 3 * dayMs);
  await raise('hers-later', alice, startMs + 3 * dayMs);
  expect(await raisesIn(followed)).toEqual([['later'], ['hers-later']]);
});
