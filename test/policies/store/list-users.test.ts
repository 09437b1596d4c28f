import { expect, test } from 'vitest';
import { listUsers, listUsersStatement } from '../../../src/policies/store/list-users.ts';
import type { UserFilter } from '../../../src/policies/user-views.ts';
import { change, limit, policy, user } from '../builders.ts';
import { useFreshStore } from '../fresh-store.ts';

const fresh = useFreshStore();

const all: UserFilter = { idPrefix: '', tier: undefined, withPolicy: false, withBypass: false };
const filters: readonly (readonly [name: string, filter: UserFilter, index: RegExp])[] = [
  ['all', all, /record_(pkey|by_id).*policy_revision_(newest|live)/],
  ['of a tier', { ...all, tier: 't7' }, /record_tier/],
  ['with a policy', { ...all, withPolicy: true }, /policy_revision_(newest|live)/],
  ['with a bypass', { ...all, withBypass: true }, /policy_revision_bypass/],
];

/** 40,000 users in 1,000 tiers, a tenth of whom have policies, and a hundredth a bypass. */
async function fill(): Promise<void> {
  const { store, org, database } = fresh;
  await store.put(org, 'user', user('first'), change);
  const first = { kind: 'user', id: 'first' } as const;
  await store.putPolicy(org, policy(first, [limit('rpd')]), change);
  await database.pool.query(
    `INSERT INTO record SELECT org_id, kind, 'u' || n, doc || jsonb_build_object('id', 'u' || n, 'tier', 't' || n % 1000),
  version, deleted, epoch, created_at, updated_at
FROM record, generate_series(1, 40000) AS n WHERE org_id = $1 AND kind = 'user'`,
    [org],
  );
  await database.pool.query(
    `INSERT INTO policy_revision SELECT org_id, subject_kind, 'u' || n, revision, newest,
  CASE WHEN n % 100 = 0 THEN doc || '{"bypass": {"cost": true}}' ELSE doc END,
  reason, actor, origin, deleted, epoch, at
FROM policy_revision, generate_series(1, 40000, 10) AS n WHERE org_id = $1`,
    [org],
  );
  await database.pool.query('ANALYZE record, policy_revision');
}

test('users are read in the order of an index, whatever is looked for', async () => {
  await fill();
  const client = await fresh.database.pool.connect();
  try {
    for (const [name, filter, index] of filters) {
      const parameters = [
        fresh.org,
        'u2',
        '',
        '~',
        101,
        ...(filter.tier === undefined ? [] : ['t7']),
      ];
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(
        `EXPLAIN ${listUsersStatement(filter)}`,
        parameters,
      );
      const plan = rows.map((row) => row['QUERY PLAN']).join(' ');
      expect(plan, name).toMatch(index);
      expect(plan, name).not.toMatch(/Seq Scan/);
    }
  } finally {
    client.release();
  }
});

test('all pages together are all users, once each', async () => {
  const { store, org, database } = fresh;
  for (const id of ['a', 'b', 'ba', 'c']) await store.put(org, 'user', user(id), change);
  for (const id of ['aa', 'b', 'd']) {
    await store.putPolicy(org, policy({ kind: 'user', id }, [limit('rpd')]), change);
  }
  const pages = async (filter: UserFilter): Promise<string[][]> => {
    const found: string[][] = [];
    let token: string | undefined;
    do {
      const page = await listUsers(database.pool, org, filter, { size: 2, token });
      found.push([...page.items]);
      token = page.nextToken;
    } while (token !== undefined);
    return found;
  };
  expect(await pages(all)).toEqual([
    ['a', 'aa'],
    ['b', 'ba'],
    ['c', 'd'],
  ]);
  expect(await pages({ ...all, idPrefix: 'b' })).toEqual([['b', 'ba']]);
  expect(await pages({ ...all, withPolicy: true })).toEqual([['aa', 'b'], ['d']]);
});
