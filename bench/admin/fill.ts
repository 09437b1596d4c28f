import type { Pool } from 'pg';
import { createPgPolicyStore } from '../../src/policies/store/pg-policy-store.ts';
import type { Change } from '../../src/policies/policy-store.ts';
import { secretSha256 } from '../../src/platform/secret.ts';
import { fullKey } from '../full-scene.ts';
import { limit } from '../limit.ts';
import { prefillLedger } from '../prefill.ts';
import { benchUser } from '../scene.ts';
import { copyRows } from './copy-rows.ts';
import type { Copying } from './copy-rows.ts';

/** How much there is of everything. */
export interface Sizes {
  readonly users: number;
  readonly teams: number;
  readonly usage: number;
  readonly calls: number;
}

const by: Change = { actor: 'bench', reason: 'bench', exists: 'any' };
/** Stand for others in each copy. */
const anyTeam = 'any-team';
const anyUser = 'any-user';
const anyName = 'Anyname';
const perPolicy = 10;

/** The id of a team, by an expression of its number. */
const teamId = (number: string): string => `'team-' || lpad((${number})::text, 5, '0')`;
const userId = (number: string): string => `'${benchUser('')}' || lpad((${number})::text, 9, '0')`;

/**
 * Fills the directory of an organization: teams, users in them and on three tiers, a tenth of the users with a policy of
 * their own, every team with one, as many keys as teams, and the audit trail of all that.
 */
export async function fillDirectory(pool: Pool, orgId: string, sizes: Sizes): Promise<void> {
  await writeFirst(pool, orgId);
  const ofTeam = [[anyTeam, teamId('n')]] as const;
  const ofUser = [
    [anyUser, userId('n')],
    [anyTeam, teamId(`n % ${sizes.teams}`)],
    [anyName, "'Ada' || n"],
    ['any-tier', "'tier-' || n % 3"],
  ] as const;
  const records = (kind: string, copies: number, marks: Copying['marks']) =>
    copyAll(pool, ['record', 'record_word', 'record_facet'], {
      where: `org_id = '${orgId}' AND kind = '${kind}' AND id LIKE 'any-%'`,
      copies,
      marks,
    });
  await records('team', sizes.teams, ofTeam);
  await records('user', sizes.users, ofUser);
  await records('key', sizes.teams, [...ofUser, ['any-key', "'key-' || n"]]);
  const policies = (kind: string, copies: number, marks: Copying['marks']) =>
    copyAll(pool, ['policy_revision', 'limit_revision'], {
      where: `org_id = '${orgId}' AND subject_kind = '${kind}' AND subject_id LIKE 'any-%'`,
      copies,
      marks,
    });
  await policies('team', sizes.teams, ofTeam);
  await policies('user', sizes.users / perPolicy, [[anyUser, userId(`n * ${perPolicy}`)]]);
  await copyAll(pool, ['audit_entry'], {
    where: `org_id = '${orgId}' AND subject = '${anyUser}' AND kind = 'user'`,
    copies: sizes.users,
    marks: ofUser,
    columns: { sequence: '1000 + n' },
  });
  await pool.query(`UPDATE audit_chain SET sequence = 1000 + $2 WHERE org_id = $1`, [
    orgId,
    sizes.users,
  ]);
  await countRecords(pool, orgId);
}

/** What is kept of an organization's records beside them: how many there are. */
async function countRecords(pool: Pool, orgId: string): Promise<void> {
  await pool.query(
    `INSERT INTO record_count (org_id, kind, facet, records)
SELECT org_id, kind, facet, count(*) FROM record_facet WHERE org_id = $1 GROUP BY 1, 2, 3
UNION ALL SELECT org_id, kind, '', count(*) FROM record WHERE org_id = $1 AND NOT deleted GROUP BY 1, 2
ON CONFLICT (org_id, kind, facet) DO UPDATE SET records = excluded.records`,
    [orgId],
  );
}

async function copyAll(
  pool: Pool,
  tables: readonly string[],
  copying: Omit<Copying, 'table'>,
): Promise<void> {
  for (const table of tables) {
    const startedMs = performance.now();
    const rows = await copyRows(pool, { ...copying, table });
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
    console.log(`${table}: ${rows} rows of ${copying.where.slice(-60)} in ${seconds} s`);
  }
}

/** Writes one of each kind through the store. */
async function writeFirst(pool: Pool, orgId: string): Promise<void> {
  const clock = { nowMs: () => Date.now() };
  const store = createPgPolicyStore({
    pool,
    clock,
    onCalendarChange: () => Promise.resolve(),
    onUsageChange: () => Promise.resolve(undefined),
  });
  const active = { displayName: anyName, state: 'ACTIVE' as const };
  await store.put(orgId, 'team', { id: anyTeam, ...active, parent: undefined }, by);
  // The calls of the benchmark name team red: a registered user must be in it.
  const user = { id: anyUser, ...active, teams: [anyTeam, 'red'], tier: 'any-tier' };
  await store.put(orgId, 'user', user, by);
  const key = { ...fullKey, id: 'any-key', team: anyTeam, principal: undefined };
  await store.createCredential(orgId, key, secretSha256('tg_key_any'), by);
  const none = { revision: 0, access: undefined, bypass: undefined, notes: '' };
  const limits = [limit('cap', 'COST', 'MONTH'), limit('daily', 'REQUESTS', 'DAY')];
  for (const subject of [
    { kind: 'team' as const, id: anyTeam },
    { kind: 'user' as const, id: anyUser },
  ]) {
    await store.putPolicy(orgId, { ...none, subject, limits }, by);
  }
}

/** Fills the ledger of the thirty days before today, and puts the calls of which the usage is beside it. */
export async function fillCalls(pool: Pool, orgId: string, sizes: Sizes): Promise<void> {
  await prefillLedger(pool, orgId, sizes.usage);
  const { rows } = await pool.query<{ request_id: string; user: string }>(
    `SELECT request_id, substr(s, 6) AS user FROM call, unnest(subjects) AS s
WHERE org_id = $1 AND state = 'SETTLED' AND s LIKE 'user:%' LIMIT 1`,
    [orgId],
  );
  const [first] = rows;
  if (first === undefined) throw new Error('no call was made before');
  await copyAll(pool, ['call'], {
    where: `org_id = '${orgId}' AND request_id = '${first.request_id}'`,
    copies: sizes.calls,
    marks: [
      [first.request_id, 'u.request_id'],
      [first.user, 'u.user_id'],
    ],
    columns: { booked_at: 'u.booked_at' },
    from: `(SELECT request_id, user_id, booked_at FROM usage WHERE org_id = '${orgId}' AND request_id LIKE 'past-%'
      ORDER BY booked_at DESC LIMIT ${sizes.calls}) AS u`,
  });
}

/** Copies the events of an organization into another one, spread over thirty days. */
export async function fillEvents(
  pool: Pool,
  from: string,
  orgId: string,
  copies: number,
): Promise<void> {
  const at = (column: string): string =>
    `c.${column} - n * interval '30 days' / ${copies}::double precision`;
  await copyAll(pool, ['enforcement_event'], {
    where: `org_id = '${from}' AND id = (SELECT min(id) FROM enforcement_event WHERE org_id = '${from}')`,
    copies,
    marks: [],
    columns: {
      org_id: `'${orgId}'`,
      id: "'e' || n",
      at: at('at'),
      last_at: at('last_at'),
      user_id: userId('n % 1000'),
    },
  });
}
