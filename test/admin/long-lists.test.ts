import { afterAll, beforeAll, expect, test } from 'vitest';
import { copyRows } from '../../bench/admin/copy-rows.ts';
import type { Copying } from '../../bench/admin/copy-rows.ts';
import { adminServices } from '../../scripts/admin-shape/services.ts';
import { nowMs, startAdminPlane } from '../support/admin-plane.ts';
import type { AdminPlane, Json } from '../support/admin-plane.ts';
import { explainQueries } from '../support/explained-statements.ts';
import { anyChange, plainOrganization } from '../support/organization.ts';

const orgId = 'acme';
const copies = 20_000;
/** An organization has far fewer prices and tiers: its deviations from the platform are counted, its tiers sorted. */
const few = 2000;
const lists = (await adminServices()).flatMap((service) =>
  service.methods
    .filter((method) => method.name.startsWith('List'))
    .map((method) => `${service.name}/${method.name}`),
);
let plane: AdminPlane;

const limit = { name: 'cap', metric: 'METRIC_COST', window: 'WINDOW_DAY', amount: '1' };
const raise = {
  id: 'any-raise',
  subject: 'user:any-user',
  limitName: 'cap',
  add: '1',
  expireTime: '2100-01-01T00:00:00Z',
};
const price = {
  scope: 'PRICE_SCOPE_MODEL',
  subject: 'any-model',
  unit: 'PRICE_UNIT_PER_1M_TOKENS',
  rates: [{ input: '1' }],
};
const named = { displayName: 'Any Name' };

/** One of everything that there may be very many of. */
const first: readonly (readonly [rpc: string, message: Json])[] = [
  ['DirectoryService/CreateTeam', { team: { id: 'any-team', ...named } }],
  ['DirectoryService/CreateUser', { user: { id: 'any-user', ...named, teams: ['any-team'] } }],
  ['DirectoryService/CreatePrincipal', { principal: { id: 'any-principal' } }],
  ['DirectoryService/CreateApp', { app: { id: 'any-app', ...named } }],
  ['DirectoryService/CreateCustomer', { customer: { id: 'any-customer', ...named } }],
  ['CredentialService/CreateKey', { key: { id: 'any-key', user: 'any-user' } }],
  ['CredentialService/CreateToken', { token: { id: 'any-token', user: 'any-user' } }],
  ['CatalogService/AppendPrices', { prices: [price] }],
  ['PolicyService/UpdatePolicy', { policy: { subject: 'user:any-user', limits: [limit] } }],
  ['PolicyService/UpdatePolicy', { policy: { subject: 'tier:any-tier', limits: [limit] } }],
  [
    'AccessService/CreateAccount',
    { account: { id: 'any-account', grants: [{ role: 'ROLE_ORG_VIEWER', allOrgs: true }] } },
  ],
  ['RaiseService/CreateRaise', { limitRaise: raise, reason: 'because' }],
];

/** What is copied: the rows of what was written first, and where their number is other than in their ids. */
const copied: readonly (readonly [table: string, where: string, columns?: Copying['columns']])[] = [
  ['record', "id LIKE 'any-%'"],
  ['record_word', "id LIKE 'any-%'"],
  ['record_facet', "id LIKE 'any-%'"],
  ['policy_revision', "subject_id = 'any-user'"],
  ['policy_revision', "subject_kind = 'tier'"],
  [
    'policy_revision',
    "subject_id = 'any-user'",
    { revision: 'n + 2', newest: 'false', subject_id: "'hot'" },
  ],
  ['limit_revision', "subject_id LIKE 'any-%'"],
  ['price_revision', "subject = 'any-model'"],
  ['limit_raise', "id = 'any-raise'", { epoch: '1000 + n', changed_epoch: '1000 + n' }],
  ['audit_entry', 'sequence = 2', { sequence: '1000 + n' }],
];

beforeAll(async () => {
  plane = await startAdminPlane();
  const { pool } = plane.database;
  await plane.store.createOrganization(plainOrganization(orgId), anyChange);
  for (const [rpc, message] of first) {
    const { code, fields } = await plane.call(
      rpc,
      rpc.startsWith('Access') ? message : { orgId, ...message },
    );
    expect([rpc, code, fields]).toEqual([rpc, 'OK', []]);
  }
  const marks = [['any-', "'a' || n || '-'"]] as const;
  for (const [table, where, columns = {}] of copied) {
    await copyRows(pool, {
      table,
      where: `org_id = '${orgId}' AND ${where}`,
      copies: /any-model|tier/.test(where) ? few : copies,
      marks,
      columns,
    });
  }
  await pool.query(
    `INSERT INTO enforcement_event (org_id, at, id, last_at, sequence, occurrences, action, request_id, subjects, user_id)
SELECT $1, at, 'e' || n, at, lpad(n::text, 6, '0'), 1, 'DENIED', 'r' || n, '{org}', 'u' || n % 1000
FROM generate_series(1, $2::int) AS n, to_timestamp($3::bigint / 1000.0 - n) AS at`,
    [orgId, copies, nowMs],
  );
  await insertCalls();
  await pool.query(`UPDATE org SET epoch = 100000 WHERE org_id = $1`, [orgId]);
  await pool.query('VACUUM ANALYZE');
}, 120_000);
afterAll(() => plane.stop());

/** One call a millisecond, all of them open. */
async function insertCalls(): Promise<void> {
  const path = { ownTeams: [], teams: [], keys: [], labels: [] };
  const written = { sequence: 0, writtenBy: 'x' };
  const detail = { form: 1, epochs: [1, 0], path, estimate: [], ttlMs: 1, ...written };
  const facts = { name: 'gpt', kind: 'MODEL', groups: [], members: [] };
  await plane.database.pool.query(
    `INSERT INTO call (org_id, request_id, state, version, content, answer, detail, subjects, facts, held_cost,
  held_input, held_output, booked_at, expires_at, requests)
SELECT $1, 'r' || n, 'OPEN', 1, '', '', $2, '{org}', $3, 0, 0, 0, $4::bigint - n, $4::bigint + n, 1
FROM generate_series(1, $5::int) AS n`,
    [orgId, JSON.stringify(detail), JSON.stringify(facts), nowMs, copies],
  );
}

/** What a list needs, where it is not the organization alone. */
const needed: Readonly<Record<string, Json>> = {
  'PolicyService/ListPolicyRevisions': { orgId, subject: 'user:hot' },
  'AccessService/ListAccounts': {},
  'AccessService/ListAccountSecrets': { accountId: 'any-account' },
  'CatalogService/ListModelUses': { orgId, id: 'any-model' },
  'OrganizationService/ListOrganizations': {},
  'UsageService/ListTierUsage': { orgId, window: 'WINDOW_MONTH' },
  'CatalogService/ListCatalogDeviations': {},
};

/** Searches and filters, each for what few have, or nobody. */
const narrowed: readonly (readonly [rpc: string, message: Json])[] = [
  ['DirectoryService/ListUsers', { search: 'a777' }],
  ['DirectoryService/ListUsers', { orderBy: 'display_name desc' }],
  ['DirectoryService/ListUsers', { orderBy: 'create_time' }],
  ['CredentialService/ListKeys', { search: 'a777' }],
  ['PolicyService/ListPolicies', { contains: 'nobody' }],
  ['PolicyService/ListLimitRevisions', { subject: 'user:a777-user' }],
  ['AuditService/ListAuditEntries', { actor: 'nobody' }],
  ['RaiseService/ListRaises', { subject: 'user:a777-user' }],
  ['EnforcementService/ListEvents', { user: 'nobody' }],
  ['CallService/ListCalls', { subject: 'user:nobody' }],
  ['PolicyService/ListUserPolicies', { tier: 'nobody' }],
  ['PolicyService/ListUserPolicies', { hasBypass: true }],
  ['PolicyService/ListUserPolicies', { idPrefix: 'a777' }],
];

/** Of 8 kB; in memory they are 4 ms. To read all 20,000 rows in the order of an index takes more than 5,000. */
const mostPages = 2500;

test('every list of the protos is called', () => {
  expect(lists.length).toBeGreaterThan(20);
});

// Planted, and seen red: the indexes by name, by creation, by actor, of limits by time and of the newest events left out of the
// schema; revisions counted row by row; policies searched to the end for one page;
// events looked up by a join; and events of limits looked for among all.
test.each([...lists.map((rpc) => [rpc, {}] as const), ...narrowed])(
  '%s %j reads no more than a page, by an index',
  async (rpc, message) => {
    const body = { ...(needed[rpc] ?? { orgId }), ...message };
    const { pool } = plane.database;
    // The first call may read the policies of the organization, which the process then keeps.
    await plane.call(rpc, body);
    const explained = await explainQueries(pool, async () => {
      const { code, fields } = await plane.call(rpc, body);
      expect([code, fields]).toEqual(['OK', []]);
    });
    for (const { text, pages, scans } of explained) {
      expect(
        scans.filter(([, rows]) => rows >= copies),
        text,
      ).toEqual([]);
      expect(pages, text).toBeLessThan(mostPages);
    }
  },
);
