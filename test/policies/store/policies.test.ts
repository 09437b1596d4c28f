import { expect, test } from 'vitest';
import { change, limit, policy } from '../builders.ts';
import { useFreshStore } from '../fresh-store.ts';

const fresh = useFreshStore();

const alice = { kind: 'user', id: 'alice' } as const;

test('policies are appended, and each revision stays as it was', async () => {
  const huge = 9_223_372_036_854_775_807n;
  await fresh.store.putPolicy(fresh.org, policy(alice, [limit('rpd', { amount: huge })]), change);
  await fresh.store.putPolicy(
    fresh.org,
    policy(alice, [limit('rpd', { amount: undefined })]),
    change,
  );
  const first = await fresh.store.getPolicy(fresh.org, alice, 1);
  const newest = await fresh.store.getPolicy(fresh.org, alice, undefined);
  expect(first.policy.limits[0]?.amount).toBe(huge);
  expect(newest.policy).toMatchObject({ revision: 2, limits: [{ amount: undefined }] });
  const listed = await fresh.store.listPolicyRevisions(fresh.org, alice, {
    size: 10,
    token: undefined,
  });
  expect(listed.items.map((item) => item.policy.revision)).toEqual([2, 1]);
  await expect(fresh.store.getPolicy(fresh.org, alice, 2 ** 40)).rejects.toMatchObject({
    reason: 'POLICY_NOT_FOUND',
  });
});

// Planted: never deleting, and not asking who else names a family, are both red.
test('derived meters go with the last limit that named them', async () => {
  const orgSubject = { kind: 'org', id: '' } as const;
  const narrow = limit('gpt', { targets: ['gpt-4o'] });
  const each = limit('each', { targets: ['gpt-4o'], for: { kind: 'USER' } });
  await fresh.store.putPolicy(fresh.org, policy(alice, [narrow]), change);
  await fresh.store.putPolicy(fresh.org, policy(orgSubject, [each]), change);
  const derived = ['user:alice@gpt-4o', 'user:bob@gpt-4o'];
  const fill = () =>
    fresh.database.pool.query(
      `INSERT INTO meter (org_id, meter_id, family)
SELECT $1, unnest($2::text[]), 'user@gpt-4o' ON CONFLICT DO NOTHING`,
      [fresh.org, derived],
    );
  const left = async () => {
    const { rows } = await fresh.database.pool.query<{ meter_id: string }>(
      "SELECT meter_id FROM meter WHERE org_id = $1 AND family <> '' ORDER BY meter_id",
      [fresh.org],
    );
    return rows.map((row) => row.meter_id);
  };
  await fill();
  await fresh.store.putPolicy(fresh.org, policy(alice, [narrow, limit('rpd')]), change);
  expect(await left()).toEqual(derived);
  await fresh.store.putPolicy(fresh.org, policy(alice, []), change);
  expect(await left()).toEqual(['user:bob@gpt-4o']);
  await fill();
  await fresh.store.putPolicy(fresh.org, policy(orgSubject, []), change);
  expect(await left()).toEqual([]);
});
