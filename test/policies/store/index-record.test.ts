import { expect, test } from 'vitest';
import { facetsOf, wordsOf } from '../../../src/policies/store/record-facets.ts';
import { change, key, team, user } from '../builders.ts';
import { useFreshStore } from '../fresh-store.ts';

const fresh = useFreshStore();

/** A small generator of numbers, the same for the same seed. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * below);
  };
}

async function kept(table: string, columns: string): Promise<readonly string[]> {
  const { rows } = await fresh.database.pool.query<{ text: string }>(
    `SELECT kind || ' ' || ${columns} AS text FROM ${table} WHERE org_id = $1`,
    [fresh.org],
  );
  return rows.map(({ text }) => text).toSorted();
}

// Planted, and each seen red: words of before are not removed; a deletion removes nothing; the count of a facet that is gone
// stays.
test('after any changes, records are found and counted by what they are', async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const random = randomFrom(seed);
  const pick = <T>(values: readonly [T, ...T[]]): T => values[random(values.length)] ?? values[0];
  const { store, org } = fresh;
  for (const id of ['red', 'blue']) await store.put(org, 'team', team(id), change);
  for (let step = 0; step < 120; step += 1) {
    const id = pick(['ann', 'bob@x', 'c:1']);
    const displayName = pick(['', 'Ann Lee', 'Lee', 'Bob B']);
    const by = { ...change, requestId: pick([undefined, `r${step}`]) };
    const work = async (): Promise<unknown> => {
      switch (random(4)) {
        case 0:
          return store.delete(org, 'user', id, by);
        case 1:
          return store.put(
            org,
            'key',
            key(id, { displayName, user: pick([undefined, 'ann']) }),
            by,
          );
        default: {
          const teams = pick([[], ['red'], ['red', 'blue']]);
          const tier = pick([undefined, 'pro', 'free']);
          return store.put(org, 'user', user(id, { displayName, teams, tier }), by);
        }
      }
    };
    await work().catch((cause: unknown) => {
      const { reason } = cause as { reason?: string };
      expect(['USER_NOT_FOUND', 'RECORD_IN_USE']).toContain(reason);
    });
  }
  const words: string[] = [];
  const facets: string[] = [];
  const counts = new Map<string, number>();
  for (const kind of ['team', 'user', 'key'] as const) {
    const { items } = await store.list(org, kind, { size: 100, token: undefined });
    for (const { record } of items) {
      words.push(...wordsOf(record).map((word) => `${kind} ${record.id} ${word}`));
      const own = facetsOf(kind, record);
      facets.push(...own.map((facet) => `${kind} ${record.id} ${facet}`));
      for (const facet of ['', ...own]) {
        counts.set(`${kind} ${facet}`, (counts.get(`${kind} ${facet}`) ?? 0) + 1);
      }
    }
  }
  expect([seed, await kept('record_word', "id || ' ' || word")]).toEqual([seed, words.toSorted()]);
  expect([seed, await kept('record_facet', "id || ' ' || facet")]).toEqual([
    seed,
    facets.toSorted(),
  ]);
  const counted = [...counts].map(([facet, number]) => `${facet} ${number}`).toSorted();
  const stored = await kept('record_count', "facet || ' ' || records");
  expect([seed, stored.filter((line) => !line.endsWith(' 0'))]).toEqual([seed, counted]);
});
