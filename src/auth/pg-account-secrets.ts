import type { Pool, PoolClient } from 'pg';
import type { Audited } from '../audit/audit-trail.ts';
import { storeFailure } from '../db/errors.ts';
import { pageOf, positionOf } from '../platform/paging.ts';
import type { Listed, Page } from '../platform/paging.ts';
import { ServiceError } from '../platform/service-error.ts';
import type { Change } from '../policies/policy-store.ts';
import type {
  AccountStore,
  NewAccountSecret,
  SecretName,
  StoredAccount,
  StoredSecret,
} from '../service/admin/accounts.ts';
import type { Caller } from '../service/caller.ts';
import { changeAccounts } from './account-change.ts';
import { lockedAccount, requireAdministrator, revokedAccount, visible } from './account-guards.ts';
import { isValidSecret, readAccount, secretColumns, secretDoc, secretOf } from './account-rows.ts';
import type { SecretRow } from './account-rows.ts';

/** The most secrets of an account that are valid at once. */
const maxSecrets = 10;

/** Secrets of accounts, as administrators change them. */
export function storedAccountSecrets(
  pool: Pool,
): Pick<AccountStore, 'createSecret' | 'listSecrets' | 'rotateSecret' | 'revokeSecret'> {
  return {
    async createSecret(caller, accountId, make, by) {
      const { result, replayed } = await changeAccounts(pool, by, async (client) => {
        const account = await openAccount(client, caller, accountId);
        const secret = await insertSecret(client, accountId, make(account.record.grants));
        return { result: { secret }, audited: [auditedSecret(undefined, secret, true)] };
      });
      return { ...result, replayed };
    },

    listSecrets: (caller, accountId, page) => listSecrets(pool, caller, accountId, page),

    async rotateSecret(caller, { overlapMs, ...which }, make, by) {
      const { result, replayed } = await changeAccounts(pool, by, async (client) => {
        const account = await openAccount(client, caller, which.accountId);
        const { before, isValid } = await readSecret(client, which, by);
        if (!isValid || before.replacedBy !== undefined) throw ended(which);
        const made = make(account.record.grants);
        const secret = await insertSecret(client, which.accountId, made, before.id);
        await client.query(
          `UPDATE account_secret SET replaced_by = $3, version = version + 1,
  expires_at = LEAST(expires_at, now() + $4 * interval '1 millisecond')
WHERE account_id = $1 AND secret_id = $2`,
          [which.accountId, before.id, secret.id, overlapMs],
        );
        const { before: replaced } = await readSecret(client, which, {});
        const audited = [auditedSecret(undefined, secret, true), auditedSecret(before, replaced)];
        return { result: { secret, replaced }, audited };
      });
      return { ...result, replayed };
    },

    async revokeSecret(caller, which, by) {
      const { result } = await changeAccounts(pool, by, async (client) => {
        const account = await lockedAccount(client, caller, which.accountId);
        const { before } = await readSecret(client, which, by);
        if (before.revokedAtMs !== undefined) return { result: before, audited: [] };
        await client.query(
          `UPDATE account_secret SET revoked_at = now(), version = version + 1
WHERE account_id = $1 AND secret_id = $2`,
          [which.accountId, which.id],
        );
        await requireAdministrator(client, account);
        const { before: after } = await readSecret(client, which, {});
        return { result: after, audited: [auditedSecret(before, after)] };
      });
      return result;
    },
  };
}

/** An account that may have new secrets. */
async function openAccount(client: PoolClient, caller: Caller, id: string): Promise<StoredAccount> {
  const account = await lockedAccount(client, caller, id);
  if (account.record.state !== 'REVOKED') return account;
  throw revokedAccount(id);
}

/** Writes a secret of an account that is locked, in place of `replaced` or beside the others. */
export async function insertSecret(
  client: PoolClient,
  accountId: string,
  { sha256, lastFour, expiresAtMs }: NewAccountSecret,
  replaced?: string,
): Promise<StoredSecret> {
  const { rows: counted } = await client.query<{ newest: number; valid: number }>(
    `SELECT coalesce(max(s.secret_id), 0) AS newest,
  (count(*) FILTER (WHERE ${isValidSecret} AND s.secret_id <> $2))::integer AS valid
FROM account_secret s WHERE s.account_id = $1`,
    [accountId, replaced ?? 0],
  );
  const { newest, valid } = counted[0] ?? { newest: 0, valid: 0 };
  if (valid >= maxSecrets) {
    const message = `an account has at most ${maxSecrets} valid secrets`;
    throw new ServiceError('TOO_MANY_SECRETS', message, {
      metadata: { max_secrets: String(maxSecrets) },
    });
  }
  const expiresAt = expiresAtMs === undefined ? null : new Date(expiresAtMs);
  const { rows } = await client.query<SecretRow>(
    `INSERT INTO account_secret AS s (sha256, account_id, secret_id, last_four, expires_at)
VALUES ($1, $2, $3, $4, $5) RETURNING ${secretColumns}`,
    [sha256, accountId, newest + 1, lastFour, expiresAt],
  );
  const [row] = rows;
  if (row === undefined) throw new Error('a secret that was written is missing');
  return secretOf(row);
}

async function readSecret(
  client: PoolClient,
  which: SecretName,
  { etag = '' }: Pick<Change, 'etag'>,
): Promise<{ readonly before: StoredSecret; readonly isValid: boolean }> {
  const { rows } = await client.query<SecretRow>(
    `SELECT ${secretColumns} FROM account_secret s WHERE s.account_id = $1 AND s.secret_id = $2`,
    [which.accountId, which.id],
  );
  const [row] = rows;
  const name = nameOf(which);
  if (row === undefined) {
    throw new ServiceError('ACCOUNT_SECRET_NOT_FOUND', `${name}: not found`, {
      metadata: { name },
    });
  }
  const before = secretOf(row);
  if (etag === '' || etag === before.etag) return { before, isValid: row.is_valid };
  const message = `${name}: it has changed since; its etag is ${before.etag}`;
  throw new ServiceError('ETAG_MISMATCH', message, { metadata: { name, etag: before.etag } });
}

async function listSecrets(
  pool: Pool,
  caller: Caller,
  accountId: string,
  page: Page,
): Promise<Listed<StoredSecret>> {
  const list = `secrets of ${accountId}`;
  const [after = '0'] = positionOf(page, list, ['integer']) ?? [];
  try {
    visible(caller, accountId, await readAccount(pool, accountId));
    const { rows } = await pool.query<SecretRow>(
      `SELECT ${secretColumns} FROM account_secret s
WHERE s.account_id = $1 AND s.secret_id > $2::bigint ORDER BY s.secret_id LIMIT $3`,
      [accountId, after, page.size + 1],
    );
    return pageOf(rows, page, list, (row) => [String(row.secret_id)], secretOf);
  } catch (cause) {
    throw storeFailure(cause);
  }
}

/** A secret for the audit trail; never the secret itself, nor its hash. */
export function auditedSecret(
  before: StoredSecret | undefined,
  after: StoredSecret,
  secretShown = false,
): Audited {
  return {
    kind: 'account_secret',
    subject: nameOf(after),
    revision: Number(after.etag),
    before: before && secretDoc(before),
    after: secretDoc(after),
    secretShown,
  };
}

function nameOf({ accountId, id }: SecretName): string {
  return `${accountId}/${id}`;
}

function ended(which: SecretName): ServiceError {
  const name = nameOf(which);
  const message = `${name}: was revoked or replaced, or has expired`;
  return new ServiceError('ACCOUNT_SECRET_ENDED', message, { metadata: { name } });
}
