import type { Pool, PoolClient } from 'pg';
import type { Audited } from '../audit/audit-trail.ts';
import { storeFailure } from '../db/errors.ts';
import { ServiceError, invalidFields } from '../platform/service-error.ts';
import { pageOf, positionOf } from '../platform/paging.ts';
import type { Listed, Page } from '../platform/paging.ts';
import type { Change } from '../policies/policy-store.ts';
import { isPlatformAdmin, requireMayDeclare } from '../service/admin/account-rules.ts';
import type {
  AccountFilter,
  AccountRecord,
  AccountStore,
  StoredAccount,
} from '../service/admin/accounts.ts';
import type { Caller } from '../service/caller.ts';
import { changeAccounts } from './account-change.ts';
import {
  accountNotFound,
  lockedAccount,
  requireAdministrator,
  revokedAccount,
  visible,
} from './account-guards.ts';
import {
  accountColumns,
  accountDoc,
  accountOf,
  accountOfDoc,
  docOfAccount,
  grantDocs,
  readAccount,
} from './account-rows.ts';
import type { AccountDoc, AccountRow } from './account-rows.ts';
import { storedAccountSecrets } from './pg-account-secrets.ts';

/** The tables `account`, `account_certificate` and `account_secret`, as administrators change them. */
export function createPgAccounts(pool: Pool): AccountStore {
  const changed = async (
    by: Change,
    work: (client: PoolClient) => Promise<{ stored: StoredAccount; audited: readonly Audited[] }>,
  ): Promise<StoredAccount> => {
    const { result } = await changeAccounts<AccountDoc>(pool, by, async (client) => {
      const { stored, audited } = await work(client);
      return { result: docOfAccount(stored), audited };
    });
    return accountOfDoc(result);
  };
  return {
    async get(caller, id) {
      return visible(caller, id, await readOne(pool, id));
    },
    async own({ name }) {
      const found = await readOne(pool, name);
      if (found === undefined) throw accountNotFound(name);
      return found;
    },
    list: (caller, filter, page) => listAccounts(pool, caller, filter, page),
    create: (caller, account, by) =>
      changed(by, async (client) => {
        requireMayDeclare(caller, account, undefined);
        await requireOrganizations(client, account);
        const stored = await insertAccount(client, account);
        return { stored, audited: [auditedAccount(undefined, stored)] };
      }),
    update: (caller, account, by) =>
      changed(by, async (client) => {
        const before = await lockedAccount(client, caller, account.id, by);
        if (before.record.state === 'REVOKED') throw revokedAccount(account.id);
        requireMayDeclare(caller, account, before.record);
        await requireOrganizations(client, account);
        const changed = await writeAccount(client, before, account);
        await requireAdministrator(client, before);
        return changed;
      }),
    revoke: (caller, id, by) =>
      changed(by, async (client) => {
        const before = await lockedAccount(client, caller, id, by);
        if (before.record.state === 'REVOKED') return { stored: before, audited: [] };
        const ended = await endAccount(client, before);
        await requireAdministrator(client, before);
        return ended;
      }),
    ...storedAccountSecrets(pool),
  };
}

function readOne(pool: Pool, id: string): Promise<StoredAccount | undefined> {
  return readAccount(pool, id).catch((cause: unknown) => {
    throw storeFailure(cause);
  });
}

/** Writes a new account, without secrets; ALREADY_EXISTS if its id or the name of a certificate is taken. */
export async function insertAccount(
  client: PoolClient,
  account: AccountRecord,
): Promise<StoredAccount> {
  const { rowCount } = await client.query(
    `INSERT INTO account (account_id, display_name, kind, grants, state) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING`,
    parametersOf(account),
  );
  if (rowCount === 0) {
    const message = `${account.id}: exists already`;
    throw new ServiceError('ACCOUNT_EXISTS', message, { metadata: { name: account.id } });
  }
  await writeCertificates(client, account);
  return written(client, account.id);
}

async function writeAccount(
  client: PoolClient,
  before: StoredAccount,
  account: AccountRecord,
): Promise<{ stored: StoredAccount; audited: readonly Audited[] }> {
  await client.query(
    `UPDATE account SET display_name = $2, kind = $3, grants = $4, state = $5,
  version = version + 1, updated_at = now() WHERE account_id = $1`,
    parametersOf(account),
  );
  await writeCertificates(client, account);
  const stored = await written(client, account.id);
  return { stored, audited: [auditedAccount(before, stored)] };
}

/** Ends an account and its secrets, and frees the names of its certificates. */
async function endAccount(
  client: PoolClient,
  before: StoredAccount,
): Promise<{ stored: StoredAccount; audited: readonly Audited[] }> {
  await client.query(
    `UPDATE account_secret SET revoked_at = now(), version = version + 1
WHERE account_id = $1 AND revoked_at IS NULL`,
    [before.record.id],
  );
  const ended = { state: 'REVOKED', certificateNames: [] } as const;
  return writeAccount(client, before, { ...before.record, ...ended });
}

/** Ends an account whoever it is, the last administrator too; what there is to audit, undefined if there is none. */
export async function revokeAccount(
  client: PoolClient,
  id: string,
): Promise<readonly Audited[] | undefined> {
  const before = await readAccount(client, id);
  if (before === undefined || before.record.state === 'REVOKED') return before && [];
  return (await endAccount(client, before)).audited;
}

function parametersOf({ id, displayName, kind, grants, state }: AccountRecord): unknown[] {
  return [id, displayName, kind, JSON.stringify(grantDocs(grants)), state];
}

async function writeCertificates(
  client: PoolClient,
  { id, certificateNames }: AccountRecord,
): Promise<void> {
  await client.query('DELETE FROM account_certificate WHERE account_id = $1', [id]);
  const { rows } = await client.query<{ name: string }>(
    `INSERT INTO account_certificate (name, account_id) SELECT name, $1 FROM unnest($2::text[]) AS name
ON CONFLICT DO NOTHING RETURNING name`,
    [id, certificateNames],
  );
  const kept = new Set(rows.map(({ name }) => name));
  const name = certificateNames.find((one) => !kept.has(one));
  if (name === undefined) return;
  throw new ServiceError('CERTIFICATE_NAME_EXISTS', `${name}: belongs to another account`, {
    metadata: { name },
  });
}

async function written(client: PoolClient, id: string): Promise<StoredAccount> {
  const stored = await readAccount(client, id);
  if (stored === undefined) throw new Error('an account that was written is missing');
  return stored;
}

/** Organizations are never deleted, so one that is there stays. */
async function requireOrganizations(client: PoolClient, { grants }: AccountRecord): Promise<void> {
  const named = grants.flatMap(({ orgIds }, grant) =>
    [...(orgIds ?? [])].map((orgId, index) => ({
      orgId,
      field: `grants[${grant}].org_ids[${index}]`,
    })),
  );
  if (named.length === 0) return;
  const { rows } = await client.query<{ org_id: string }>(
    'SELECT org_id FROM org WHERE org_id = ANY ($1::text[])',
    [named.map(({ orgId }) => orgId)],
  );
  const known = new Set(rows.map(({ org_id: orgId }) => orgId));
  const missing = named.filter(({ orgId }) => !known.has(orgId));
  if (missing.length === 0) return;
  const description = 'is no organization';
  throw invalidFields(missing.slice(0, 16).map(({ field }) => ({ field, description })));
}

/** An account for the audit trail. */
export function auditedAccount(before: StoredAccount | undefined, after: StoredAccount): Audited {
  return {
    kind: 'account',
    subject: after.record.id,
    revision: Number(after.etag),
    before: before && accountDoc(before.record),
    after: accountDoc(after.record),
  };
}

/** All grants are below the caller: $3 are its organizations, null for every one; $4: it administers the platform. */
const isManaged = `($4 OR NOT EXISTS (SELECT 1 FROM jsonb_array_elements(a.grants) AS g
  WHERE g->>'role' = 'platform_admin'
  OR $3::jsonb IS NOT NULL AND NOT coalesce(g->'orgIds' <@ $3::jsonb, false)))`;
/** Some grant holds for organization $5, if one is asked for, and some has the role $6. */
const isAsked = `($5::text IS NULL OR EXISTS (SELECT 1 FROM jsonb_array_elements(a.grants) AS g
  WHERE NOT g ? 'orgIds' OR g->'orgIds' ? $5))
  AND ($6::text IS NULL OR a.grants @> jsonb_build_array(jsonb_build_object('role', $6::text)))`;

/** Reads accounts by id. A filter reads more accounts than it finds: there are as many as people and services. */
async function listAccounts(
  pool: Pool,
  caller: Caller,
  { orgId, role }: AccountFilter,
  page: Page,
): Promise<Listed<StoredAccount>> {
  const list = 'accounts';
  const [after = ''] = positionOf(page, list, ['text']) ?? [];
  const orgIds = caller.orgIds === undefined ? null : JSON.stringify([...caller.orgIds]);
  const { rows } = await pool
    .query<AccountRow>(
      `SELECT ${accountColumns} FROM account a
WHERE a.account_id > $1 AND ${isManaged} AND ${isAsked}
  AND strpos(lower(a.account_id || ' ' || a.display_name), lower($7)) > 0
ORDER BY a.account_id LIMIT $2`,
      [
        after,
        page.size + 1,
        orgIds,
        isPlatformAdmin(caller),
        orgId ?? null,
        role ?? null,
        page.contains ?? '',
      ],
    )
    .catch((cause: unknown) => {
      throw storeFailure(cause);
    });
  return pageOf(rows, page, list, (row) => [row.account_id], accountOf);
}
