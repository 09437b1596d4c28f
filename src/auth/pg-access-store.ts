import type { Pool, PoolClient } from 'pg';
import { storeFailure } from '../db/errors.ts';
import { inTransaction } from '../db/transaction.ts';
import { ServiceError, invalidFields } from '../platform/service-error.ts';
import type { AccessStore, ListedAccess, NewAccess } from '../service/auth.ts';
import { audit, lockAccounts } from './account-change.ts';
import { accountColumns, accountOf } from './account-rows.ts';
import type { AccountRow } from './account-rows.ts';
import { auditedSecret, insertSecret } from './pg-account-secrets.ts';
import { auditedAccount, insertAccount, revokeAccount } from './pg-accounts.ts';

/** Accounts and their secrets, as the host of the database makes and ends them: nobody is signed in. */
export function createPgAccessStore(pool: Pool): AccessStore {
  return {
    async isEmpty() {
      const { rowCount } = await pool.query('SELECT 1 FROM account LIMIT 1').catch(unreadable);
      return rowCount === 0;
    },
    create: (entries, reason, show) => create(pool, entries, reason, show),
    async list() {
      const { rows } = await pool
        .query<AccountRow>(`SELECT ${accountColumns} FROM account a ORDER BY a.account_id`)
        .catch(unreadable);
      return rows.map(listedOf);
    },
    revoke: (name, reason) =>
      inTransaction(pool, async (client) => {
        await client.query(lockAccounts);
        const audited = await revokeAccount(client, name);
        await audit(client, { actor, reason }, audited ?? []);
        return audited !== undefined;
      }),
  };
}

/** Who acts where nobody is signed in. */
const actor = 'tollgate';

function unreadable(cause: unknown): never {
  throw storeFailure(cause);
}

function listedOf(row: AccountRow): ListedAccess {
  const { record, createdAtMs, updatedAtMs } = accountOf(row);
  return {
    name: record.id,
    grants: record.grants,
    state: record.state,
    createdAtMs,
    changedAtMs: updatedAtMs,
  };
}

async function create(
  pool: Pool,
  entries: readonly NewAccess[],
  reason: string,
  show: () => Promise<void> = () => Promise.resolve(),
): Promise<boolean> {
  for (const { role, orgIds } of entries) assertRole(role, orgIds);
  let shown: Promise<void> | undefined;
  let failure: ServiceError | undefined;
  try {
    await inTransaction(pool, async (client) => {
      await client.query(lockAccounts);
      await insertAll(client, entries, reason);
      // Once, however often the transaction is repeated.
      shown ??= show();
      await shown.catch((cause: unknown) => {
        failure = notShown(cause);
        throw failure;
      });
    });
    return true;
  } catch (cause) {
    if (shown === undefined && isTaken(cause)) return false;
    throw shown === undefined || cause === failure ? cause : notCommitted(cause);
  }
}

/** Another process that inserts the same names waits for the lock, and finds them taken. */
async function insertAll(
  client: PoolClient,
  entries: readonly NewAccess[],
  reason: string,
): Promise<void> {
  const audited = [];
  for (const { name, role, orgIds, sha256, lastFour = '', certificateNames = [] } of entries) {
    const account = await insertAccount(client, {
      id: name,
      displayName: '',
      kind: 'SERVICE',
      grants: [{ role, orgIds: orgIds === undefined ? undefined : new Set(orgIds) }],
      certificateNames,
      state: 'ENABLED',
    });
    const kept = { sha256, lastFour, expiresAtMs: undefined };
    const secret = await insertSecret(client, name, kept);
    audited.push(auditedAccount(undefined, account), auditedSecret(undefined, secret, true));
  }
  await audit(client, { actor, reason }, audited);
}

function isTaken(cause: unknown): boolean {
  return cause instanceof ServiceError && cause.reason === 'ACCOUNT_EXISTS';
}

function assertRole(role: NewAccess['role'], orgIds: readonly string[] | undefined): void {
  if (role !== 'platform_admin' || orgIds === undefined) return;
  const description = 'a platform_admin acts for every organization; expected none';
  throw invalidFields([{ field: 'org_ids', description }]);
}

/** The end of the transaction is unknown. */
function notCommitted(cause: unknown): unknown {
  if (!(cause instanceof ServiceError)) return cause;
  const message = `${cause.message}; the secrets that were shown may not be valid`;
  return new ServiceError('INTERNAL', message, { cause });
}

function notShown(cause: unknown): ServiceError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new ServiceError('INTERNAL', `nothing was created: ${why}`, { cause });
}
