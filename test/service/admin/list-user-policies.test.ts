import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { UserPolicyFilter } from '../../../src/service/admin/list-user-policies.ts';
import { createTestDatabase } from '../../support/database.ts';
import type { TestDatabase } from '../../support/database.ts';
import {
  anyChange,
  blockLimit,
  plainOrganization,
  policyStoreOf,
  putLimits,
} from '../../support/organization.ts';
import { policyReadsOf } from '../../support/policy-reads.ts';

const nowMs = Date.UTC(2026, 2, 10, 9);
const userCount = 4500;
/** The only user over its limit. */
const spender = 'u4400';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
  const store = policyStoreOf(database.pool, () => nowMs);
  await store.createOrganization(plainOrganization('acme'), anyChange);
  const each = blockLimit('each', 'COST', 'DAY', 10n, { for: { kind: 'USER' } });
  await putLimits(store, 'acme', { kind: 'org', id: '' }, [each]);
  const facts = { displayName: '', teams: [], state: 'ACTIVE' };
  await store.put(
    'acme',
    'user',
    { id: 'u1', tier: undefined, ...facts, state: 'ACTIVE' },
    anyChange,
  );
  await database.pool.query(
    `INSERT INTO record SELECT org_id, kind, 'u' || n, doc || jsonb_build_object('id', 'u' || n), version, deleted,
  epoch, created_at, updated_at
FROM record, generate_series(2, $1::integer) AS n WHERE kind = 'user'`,
    [userCount],
  );
  await database.pool.query(
    "INSERT INTO meter (org_id, meter_id, day_start, day_used_cost) VALUES ('acme', $1, $2, 11)",
    [`user:${spender}`, Date.UTC(2026, 2, 10)],
  );
});
afterAll(() => database.drop());

const any: UserPolicyFilter = {
  orgId: 'acme',
  idPrefix: '',
  tier: undefined,
  hasOverride: undefined,
  hasBypass: undefined,
  standing: 'ANY',
};
const until = { deadlineMs: Infinity, cancelled: new AbortController().signal };
const list = (filter: Partial<UserPolicyFilter>, size: number, token?: string) =>
  policyReadsOf(database.pool, () => nowMs).listUserPolicies(
    { ...any, ...filter },
    { size, token },
    until,
  );

/** How many statements run until work is done. */
async function statementsOf(work: () => Promise<unknown>): Promise<number> {
  const prototype = Client.prototype as { query: (...args: unknown[]) => unknown };
  const { query } = prototype;
  let count = 0;
  prototype.query = function counted(this: unknown, ...args: unknown[]): unknown {
    count += 1;
    return query.apply(this, args);
  };
  try {
    await work();
  } finally {
    prototype.query = query;
  }
  return count;
}

// Planted, and seen red: a view of each user loaded by itself.
test('a page of a thousand users takes as many statements as a page of two', async () => {
  const two = await statementsOf(() => list({}, 2));
  const thousand = await statementsOf(() => list({}, 1000));
  expect(thousand).toBe(two);
});

// Planted, and seen red: without the bound the first page has the user.
test('a page looks at two thousand users at most, and the next one goes on where it ended', async () => {
  const pages: string[][] = [];
  let token: string | undefined;
  do {
    const page = await list({ standing: 'OVER' }, 10, token);
    pages.push(page.items.map(({ id }) => id));
    token = page.nextToken;
  } while (token !== undefined);
  expect(pages).toEqual([[], [spender], []]);
});
