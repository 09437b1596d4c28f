import type { Pool } from 'pg';
import { describe, expect, test } from 'vitest';
import type { RaiseFilter, NewRaise } from '../../../src/policies/stored-raise.ts';
import { change, limit, need, policy, startMs, storeOn } from '../builders.ts';
import { useFreshStore } from '../fresh-store.ts';
import { createCachedPolicies } from '../../../src/policies/cache/cached-policies.ts';

const fresh = useFreshStore();
const hourMs = 3_600_000;
const org = { kind: 'org', id: '' } as const;
const alice = { kind: 'user', id: 'alice' } as const;
const any: RaiseFilter = {
  subject: undefined,
  limitName: undefined,
  owner: undefined,
  state: undefined,
};

async function declare(): Promise<void> {
  const limits = [limit('each', { for: { kind: 'USER' } }), limit('cap')];
  await fresh.store.putPolicy(fresh.org, policy(org, limits), change);
}

function raiseOf(more: Partial<NewRaise> = {}): NewRaise {
  const plain = { id: undefined, subject: org, limitName: 'each', appliesTo: undefined };
  return { ...plain, kind: 'ADD', amount: '5', untilMs: startMs + hourMs, ...more };
}

/** Rows of raises as they might have been left: active for users `u0`, `u1`, …, unless something else is said. */
async function fill(
  count: number,
  { owner = "'u' || n", until = `${startMs + hourMs}`, revoked = 'NULL' } = {},
): Promise<void> {
  const shared = "'org', '', 'each', 'user'";
  await fresh.database.pool.query(
    `INSERT INTO limit_raise (org_id, id, subject_kind, subject_id, limit_name, owner_kind, owner_id, for_all, metric,
  time_window, kind, amount, until_ms, over_ms, reason, actor, epoch, changed_epoch, created_at, revoked_at)
SELECT $1, gen_random_uuid()::text, ${shared}, ${owner}, false, 'REQUESTS', 'DAY', 'ADD', 1, ${until}, coalesce(extract(epoch FROM ${revoked}::timestamptz) * 1000, ${until}), '', '', n, n, now(),
  ${revoked} FROM generate_series(1000000, 999999 + $2::integer) AS n`,
    [fresh.org, count],
  );
}

async function idsOf(filter: Partial<RaiseFilter>, size = 100): Promise<readonly string[]> {
  const found: string[] = [];
  let token: string | undefined;
  do {
    const page = await fresh.store.listRaises(fresh.org, { ...any, ...filter }, { size, token });
    expect(page.items.length).toBeLessThanOrEqual(size);
    found.push(...page.items.map(({ raise }) => raise.id));
    token = page.nextToken;
  } while (token !== undefined);
  return found;
}

test('a raise has what it was created with, who did it and why, and so has its end', async () => {
  await declare();
  const { stored, amounts } = await fresh.store.createRaise(
    fresh.org,
    raiseOf({ id: 'a' }),
    change,
  );
  expect(amounts).toEqual({ before: 10n, after: 15n });
  const raise = { id: 'a', subject: org, limitName: 'each', kind: 'ADD', amount: 5n };
  expect(stored).toMatchObject({ raise, actor: 'tester', reason: 'because', createdAtMs: startMs });
  expect(stored.raise).toMatchObject({ metric: 'REQUESTS', window: 'DAY', appliesTo: undefined });
  const by = { ...change, actor: 'boss', reason: 'enough' };
  const revoked = await fresh.store.revokeRaise(fresh.org, 'a', by);
  expect(revoked.amounts).toEqual({ before: 15n, after: 10n });
  expect(revoked.stored).toMatchObject({ revokedBy: 'boss', revokedReason: 'enough' });
  expect(await fresh.store.getRaise(fresh.org, 'a')).toEqual(revoked.stored);
  const epoch = await fresh.epoch();
  expect((await fresh.store.revokeRaise(fresh.org, 'a', change)).stored).toEqual(revoked.stored);
  expect(await fresh.epoch()).toBe(epoch);
});

// Planted, and seen red: all raises counted, the ended and the revoked too; a bound that is one higher.
test('so many may be active for one subject, and in an organization', async () => {
  await declare();
  await fill(99, { owner: "'alice'" });
  await fill(50, { owner: "'alice'", until: `${startMs}` });
  await fill(50, { owner: "'alice'", revoked: "timestamptz '2026-03-01'" });
  const hers = raiseOf({ appliesTo: alice });
  await fresh.store.createRaise(fresh.org, hers, change);
  const refused = fresh.store.createRaise(fresh.org, hers, change);
  await expect(refused).rejects.toMatchObject({
    reason: 'TOO_MANY_RAISES',
    metadata: { max_raises: '100' },
  });
  await fill(9899);
  await fresh.store.createRaise(fresh.org, raiseOf({ id: 'last' }), change);
  const full = fresh.store.createRaise(fresh.org, raiseOf(), change);
  await expect(full).rejects.toMatchObject({ metadata: { max_raises: '10000' } });
  await fresh.store.revokeRaise(fresh.org, 'last', change);
  await fresh.store.createRaise(fresh.org, raiseOf(), change);
});

test('raises are listed newest first, by what they are of, for whom, and how they stand', async () => {
  await declare();
  let nowMs = startMs;
  const store = storeOn(fresh.database.pool, { clock: { nowMs: () => nowMs } });
  const make = (id: string, more: Partial<NewRaise>) =>
    store.createRaise(fresh.org, raiseOf({ id, ...more }), change);
  await make('a', {});
  await make('b', { appliesTo: alice, untilMs: startMs + 2 * hourMs });
  await make('c', { limitName: 'cap' });
  await make('d', { appliesTo: alice, untilMs: startMs + 2 * hourMs });
  await store.revokeRaise(fresh.org, 'd', change);
  for (const size of [1, 2, 3, 100]) {
    expect(await idsOf({}, size)).toEqual(['d', 'c', 'b', 'a']);
    expect(await idsOf({ owner: alice }, size)).toEqual(['d', 'b']);
    expect(await idsOf({ owner: org }, size)).toEqual(['c', 'a']);
    expect(await idsOf({ subject: org, limitName: 'each' }, size)).toEqual(['d', 'b', 'a']);
    expect(await idsOf({ state: 'ACTIVE' }, size)).toEqual(['c', 'b', 'a']);
    expect(await idsOf({ state: 'REVOKED' }, size)).toEqual(['d']);
    expect(await idsOf({ state: 'ENDED' }, size)).toEqual([]);
  }
  nowMs = startMs + hourMs;
  const states = ['ACTIVE', 'ENDED', 'REVOKED'] as const;
  const listed = await Promise.all(
    states.map((state) =>
      store.listRaises(fresh.org, { ...any, state }, { size: 9, token: undefined }),
    ),
  );
  const ids = listed.map(({ items }) => items.map(({ raise }) => raise.id));
  expect(ids).toEqual([['b'], ['c', 'a'], ['d']]);
});

// Planted, and seen red: active ones found among all by their epochs.
describe('of 40,000 raises that have ended or were revoked', () => {
  test('lists, views and new raises read few, by an index', async () => {
    await declare();
    await fill(20_000, { until: `${startMs} - n` });
    await fill(20_000, { revoked: "timestamptz '2026-03-01'" });
    await fill(500);
    await fresh.database.pool.query('ANALYZE limit_raise');
    const plans: string[] = [];
    const explaining = Object.create(fresh.database.pool) as Pool;
    const query = async (text: string, values: unknown[]) => {
      if (text.includes('limit_raise')) {
        const { rows } = await fresh.database.pool.query<Record<'QUERY PLAN', string>>(
          `EXPLAIN (ANALYZE, TIMING OFF, BUFFERS OFF) ${text}`,
          values,
        );
        plans.push(rows.map((row) => row['QUERY PLAN']).join('\n'));
      }
      return fresh.database.pool.query(text, values);
    };
    Object.assign(explaining, { query });
    const store = storeOn(explaining);
    const page = { size: 100, token: undefined };
    const filters: readonly Partial<RaiseFilter>[] = [
      {},
      { state: 'ACTIVE' },
      { state: 'ENDED' },
      { state: 'REVOKED' },
      { subject: org, limitName: 'each' },
      { owner: { kind: 'user', id: 'u1000007' } },
    ];
    for (const filter of filters) await store.listRaises(fresh.org, { ...any, ...filter }, page);
    const clock = { nowMs: () => startMs };
    const policies = createCachedPolicies({ pool: explaining, clock });
    await policies.view(fresh.org, need({ user: 'u1000007' }));
    expect(plans.length).toBeGreaterThanOrEqual(filters.length + 2);
    for (const plan of plans) {
      expect(plan).not.toContain('Seq Scan on limit_raise');
      const read = [...plan.matchAll(/on limit_raise.*actual rows=([\d.]+)/g)];
      const removed = [...plan.matchAll(/Rows Removed by Filter: (\d+)/g)];
      const rows = [...read, ...removed].reduce((sum, [, count = '0']) => sum + Number(count), 0);
      expect(rows, plan).toBeLessThan(2_000);
    }
  }, 120_000);
});
