import { beforeAll, expect, test } from 'vitest';
import type { Pool } from 'pg';
import type { Page } from '../../../src/platform/paging.ts';
import { mostLookedAt } from '../../../src/policies/store/select-records.ts';
import { change, organization, storeOn } from '../builders.ts';
import { useFreshStore } from '../fresh-store.ts';

const fresh = useFreshStore();
const users = 40_000;
const orgId = 'large';

/** Forty thousand users: named `Ann Nr<n>`, three of four on the tier `pro`, one of a thousand in the team `rare`. */
beforeAll(async () => {
  const { pool } = fresh.database;
  await fresh.store.createOrganization(organization(orgId), change);
  const all = `generate_series(1, ${users}) AS n`;
  const doc = `jsonb_build_object('form', 1, 'id', 'u' || n, 'displayName', 'Ann Nr' || n, 'teams', '[]'::jsonb, 'state', 'ACTIVE')`;
  await pool.query(`INSERT INTO record (org_id, kind, id, doc, version, epoch, created_at, updated_at)
SELECT '${orgId}', 'user', 'u' || n, ${doc}, 1, 1, 'epoch', 'epoch' FROM ${all}`);
  for (const word of ["'u' || n", "'ann'", "'nr' || n"]) {
    await pool.query(
      `INSERT INTO record_word SELECT '${orgId}', 'user', ${word}, 'u' || n FROM ${all}`,
    );
  }
  for (const [word, one] of [
    ['left', `n <= ${users / 2 + 10}`],
    ['right', `n > ${users / 2 - 10}`],
  ]) {
    await pool.query(
      `INSERT INTO record_word SELECT '${orgId}', 'user', '${word}', 'u' || n FROM ${all} WHERE ${one}`,
    );
  }
  for (const [facet, one] of [
    ['state=ACTIVE', 'true'],
    ['tier=pro', 'n % 4 <> 0'],
    ['team=rare', 'n % 1000 = 0'],
  ]) {
    await pool.query(`WITH i AS (INSERT INTO record_facet
SELECT '${orgId}', 'user', '${facet}', 'u' || n FROM ${all} WHERE ${one} RETURNING facet)
INSERT INTO record_count SELECT '${orgId}', 'user', facet, count(*) FROM i GROUP BY facet`);
  }
  await pool.query(`INSERT INTO record_count VALUES ('${orgId}', 'user', '', ${users})`);
  await pool.query('ANALYZE record, record_word, record_facet, record_count');
});

interface Plan {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly Plans?: readonly Plan[];
}

const nodesOf = (plan: Plan): readonly Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];

/** Answers a page; and of all statements that were run for it, each read of a table. */
async function read(page: Page) {
  const { pool } = fresh.database;
  const statements: [string, unknown[]][] = [];
  const watched = {
    query: (text: string, values: unknown[]) => {
      statements.push([text, values]);
      return pool.query(text, values);
    },
  };
  // The lists only query.
  const listed = await storeOn(watched as unknown as Pool).list(orgId, 'user', page);
  const nodes: Plan[] = [];
  for (const [text, values] of statements) {
    const { rows } = await pool.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(
      `EXPLAIN (ANALYZE, FORMAT JSON) ${text}`,
      values,
    );
    for (const row of rows) nodes.push(...nodesOf(row['QUERY PLAN'][0].Plan));
  }
  return { listed, nodes };
}

const page = { size: 20, token: undefined };
const by = (key: 'id' | 'display_name' | 'create_time' | 'update_time', isDescending: boolean) => ({
  ...page,
  order: { by: key, isDescending },
});

// Red while conditions were joins, which PostgreSQL answered by reading all records and facets.
test.each<[string, Page, number]>([
  ['by id', page, 50],
  ['by id, from the end', by('id', true), 50],
  ['by name', by('display_name', false), 50],
  ['by creation', by('create_time', true), 50],
  ['by update', by('update_time', false), 50],
  ['of a word that one has', { ...page, search: 'nr31999' }, 50],
  ['of a word that all have', { ...page, search: 'ann' }, mostLookedAt],
  ['of two words, one of them rare', { ...page, search: 'ann nr3199' }, mostLookedAt + 20],
  ['of a tier', { ...page, facets: ['tier=pro'] }, mostLookedAt],
  ['of a small team, with what many have', { ...page, facets: ['tier=pro', 'team=rare'] }, 50],
  ['of a word and a tier', { ...page, search: 'nr3199', facets: ['tier=pro'] }, 50],
])('a page %s reads no more rows than it may', async (_name, asked, most) => {
  const { nodes } = await read(asked);
  const whole = nodes.filter((node) => node['Node Type'] === 'Seq Scan');
  // It has four rows here.
  expect(whole.filter((node) => node['Relation Name'] !== 'record_count')).toEqual([]);
  const rows = nodes.map((node) => {
    const removed = node['Rows Removed by Filter'] ?? 0;
    return (node['Actual Rows'] + removed) * node['Actual Loops'];
  });
  expect(Math.max(...rows)).toBeLessThanOrEqual(most);
});

test('a list of which few match goes on past what one page looks at, and has all of them once', async () => {
  // Half of the users each have the words, and twenty have both.
  const found: string[] = [];
  let pages = 0;
  for (let token: string | undefined = ''; token !== undefined; pages += 1) {
    const { listed } = await read({ ...page, token, search: 'left right' });
    found.push(...listed.items.map(({ record }) => record.id));
    token = listed.nextToken;
  }
  expect(pages).toBe(Math.ceil((users / 2 + 10) / mostLookedAt));
  expect(found).toHaveLength(20);
  expect(new Set(found).size).toBe(20);
});

test('all, and those with one facet, are counted by what is kept', async () => {
  const totals = [];
  for (const one of [page, { ...page, facets: ['tier=pro'] }, { ...page, search: 'ann' }]) {
    totals.push((await read(one)).listed.total);
  }
  expect(totals).toEqual([users, users * 0.75, 0]);
});
