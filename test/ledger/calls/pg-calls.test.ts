import { afterAll, beforeAll, expect, test } from 'vitest';
import { storeFailure } from '../../../src/db/errors.ts';
import { createPgCalls } from '../../../src/ledger/calls/pg-calls.ts';
import { createGatedReads } from '../../../src/ledger/gated-reads.ts';
import { scanCalls } from '../../../src/ledger/sql/list-calls.ts';
import type { CallScope } from '../../../src/ledger/sql/list-calls.ts';
import { createFairSemaphore } from '../../../src/platform/fair-semaphore.ts';
import type { CallFilter, Calls } from '../../../src/service/admin/calls.ts';
import { createTestDatabase } from '../../support/database.ts';
import type { TestDatabase } from '../../support/database.ts';

const total = 25_000;
let database: TestDatabase;
let calls: Calls;

/** One call a millisecond; the oldest is Rare's, every hundredth was denied, two name a parent; and as many of others. */
beforeAll(async () => {
  database = await createTestDatabase();
  const read = createGatedReads({
    pool: database.pool,
    monotonicMs: () => performance.now(),
    gate: createFairSemaphore({ most: 2 }),
    failure: storeFailure,
  });
  calls = createPgCalls(read);
  const detail = {
    form: 1,
    epochs: [1, 0],
    path: { ownTeams: [], teams: [], keys: [], labels: [] },
    estimate: [],
    ttlMs: 1,
    sequence: 0,
    writtenBy: 'x',
  };
  const facts = { name: 'gpt', kind: 'MODEL', groups: [], members: [] };
  await database.pool.query(
    `INSERT INTO call (org_id, request_id, state, version, content, answer, detail, subjects, facts, held_cost,
  held_input, held_output, booked_at, expires_at, requests, reason, parent_request_id)
SELECT org, lpad(i::text, 6, '0'), 'SETTLED', 1, '', '', $1, CASE i WHEN 1 THEN '{user:rare,org}' ELSE '{org}' END::text[],
  $2, 0, 0, 0, i, i, 1, CASE WHEN i % 100 = 0 THEN 'MODEL_DENIED' END, CASE WHEN i IN (7, 9) THEN 'p' END
FROM generate_series(1, $3::int) AS i, unnest('{acme,globex}'::text[]) AS org ORDER BY i`,
    [JSON.stringify(detail), JSON.stringify(facts), total],
  );
  await database.pool.query('VACUUM ANALYZE call');
});
afterAll(() => database.drop());

const any: CallFilter = {
  orgId: 'acme',
  fromMs: undefined,
  toMs: undefined,
  subject: undefined,
  target: undefined,
  decision: undefined,
  reason: undefined,
  state: undefined,
  parent: undefined,
};
const patient = { deadlineMs: undefined, cancelled: undefined };

// Planted, and seen red: without a bound on what is scanned, the first page had it.
test('a rare subject is looked for some thousand calls at a time, and found in the end', async () => {
  const filter = { ...any, subject: { kind: 'user', id: 'rare' } } as const;
  const searched: (number | undefined)[] = [];
  const found: string[] = [];
  let token: string | undefined;
  do {
    const page = await calls.list(filter, { size: 10, token }, patient);
    searched.push(page.searchedToMs);
    found.push(...page.items.map(({ requestId }) => requestId));
    token = page.nextToken;
  } while (token !== undefined);
  expect(searched).toEqual([15_001, 5001, undefined]);
  expect(found).toEqual(['000001']);
});

// Planted, and seen red each: the index of the first row, and that of the second, left out of the schema.
test.each<[CallScope, string, readonly unknown[]]>([
  ['all', 'call_booked_of_org', ['acme', 0, 20_001, null, 20_000, '020000', 101]],
  ['denied', 'call_denied_of_org', ['acme', 0, 20_001, null, 20_000, '020000', 101]],
  ['children', 'call_of_parent', ['acme', 0, 30_000, 'p', null, null, 101]],
])(
  'a page of %s calls reads the index %s, and no more than the page',
  async (scope, index, values) => {
    const any5 = [null, null, null, null, null];
    const { rows } = await database.pool.query<{ 'QUERY PLAN': readonly [{ Plan: Node }] }>(
      `EXPLAIN (ANALYZE, FORMAT JSON) ${scanCalls[scope].text}`,
      [...values, ...any5],
    );
    const nodes = [...walk(rows[0]?.['QUERY PLAN'][0].Plan)].filter(
      (node) => node['Relation Name'],
    );
    expect(nodes.map((node) => node['Index Name'])).toEqual([index]);
    // Rows of one instant are sorted by their ids, in groups of 32 to 64.
    expect(nodes.map((node) => node['Actual Rows'] <= 101 + 64)).toEqual([true]);
  },
);

interface Node {
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Actual Rows': number;
  readonly Plans?: readonly Node[];
}

function* walk(node: Node | undefined): Generator<Node> {
  if (node === undefined) return;
  yield node;
  for (const below of node.Plans ?? []) yield* walk(below);
}
