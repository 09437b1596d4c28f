import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AuditFilter } from '../../src/audit/audit-trail.ts';
import { selectEntries } from '../../src/audit/select-entries.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
  await database.pool.query(`INSERT INTO audit_entry
SELECT 'acme', n, to_timestamp(n), 'a' || n % 100, 'R' || n % 50, '', 'user', 'u' || n, n, n, '', '', NULL, NULL,
  n % 1000 = 0, '', '' FROM generate_series(1, 20000) AS n`);
  await database.pool.query('ANALYZE audit_entry');
});
afterAll(() => database.drop());

// Planted: without the index of the actor, the method, the thing or the time, more rows are read than are answered.
test.each<[string, Omit<AuditFilter, 'orgId'>]>([
  ['everything', {}],
  ['an account', { actor: 'a7' }],
  ['a method', { rpc: 'R7' }],
  ['a thing', { kind: 'user', subject: 'u7777' }],
  ['reveals of secrets', { secretShown: true }],
  ['an hour', { startMs: 7_200_000, endMs: 10_800_000 }],
  ['an account in an hour', { actor: 'a7', startMs: 7_200_000, endMs: 10_800_000 }],
])('a page of %s reads about as many rows as it answers', async (_name, filter) => {
  for (const isAscending of [true, false]) {
    const page = { after: undefined, size: 10, isAscending };
    const { text, values } = selectEntries({ orgId: 'acme', ...filter }, page);
    const { rows } = await database.pool.query<{ 'QUERY PLAN': string }>(
      `EXPLAIN (ANALYZE, BUFFERS OFF) ${text}`,
      [...values],
    );
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
    expect(plan).not.toContain('Seq Scan');
    const removed = [...plan.matchAll(/Rows Removed by Filter: (\d+)/g)].map(([, n]) => Number(n));
    expect(Math.max(0, ...removed), plan).toBeLessThan(40);
  }
});
