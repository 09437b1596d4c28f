import { expect, test } from 'vitest';
import type { LimitRevisionFilter } from '../../../src/policies/policy-changes.ts';
import { change, limit, policy } from '../builders.ts';
import { useFreshStore } from '../fresh-store.ts';

const fresh = useFreshStore();

const any: LimitRevisionFilter = {
  kind: undefined,
  subject: undefined,
  name: undefined,
  window: undefined,
  state: 'ALL',
};

/** Revisions of 30,000 limits of users, one of which is named otherwise, the oldest. */
async function fill(): Promise<void> {
  const subject = { kind: 'user', id: 'u' } as const;
  await fresh.store.putPolicy(fresh.org, policy(subject, [limit('needle')]), change);
  await fresh.database.pool.query(
    `INSERT INTO limit_revision SELECT org_id, subject_kind, 'u' || n, epoch + n, 'hay', revision, newest, revoked,
  time_window, doc, reason, actor, at
FROM limit_revision, generate_series(1, 30000) AS n WHERE org_id = $1`,
    [fresh.org],
  );
  await fresh.database.pool.query('ANALYZE limit_revision');
}

// Planted, and seen red: without the bound on what a page looks at, the first page has the row.
test('a page looks at a bounded number of rows, and the next one goes on where it ended', async () => {
  await fill();
  const filter = { ...any, name: 'needle' };
  const counts: number[] = [];
  let token: string | undefined;
  do {
    const page = await fresh.store.listLimitRevisions(fresh.org, filter, { size: 10, token });
    counts.push(page.items.length);
    token = page.nextToken;
  } while (token !== undefined);
  expect(counts).toEqual([0, 0, 0, 1]);
});

test('rows are read in the order of an index, whatever is looked for', async () => {
  await fill();
  const client = await fresh.database.pool.connect();
  const plans: string[] = [];
  try {
    for (const condition of [
      "subject_kind = 'key'",
      "subject_kind = 'user' AND subject_id = 'u7'",
      'true',
    ]) {
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(
        `EXPLAIN SELECT * FROM limit_revision WHERE org_id = '${fresh.org}' AND ${condition}
  AND (epoch, subject_kind, subject_id, name) < (99999999, '', '', '')
  ORDER BY epoch DESC, subject_kind DESC, subject_id DESC, name DESC LIMIT 10000`,
      );
      plans.push(rows.map((row) => row['QUERY PLAN']).join(' '));
    }
  } finally {
    client.release();
  }
  for (const plan of plans) expect(plan).not.toMatch(/Sort|Seq Scan/);
  expect(plans[0]).toContain('limit_revision_of_kind');
  expect(plans[1]).toContain('limit_revision_pkey');
  expect(plans[2]).toContain('limit_revision_by_time');
});
