import type { PoolClient } from 'pg';
import { ServiceError } from '../platform/service-error.ts';
import type { Change } from '../policies/policy-store.ts';
import { mayManage } from '../service/admin/account-rules.ts';
import type { StoredAccount } from '../service/admin/accounts.ts';
import type { Caller } from '../service/caller.ts';
import { isValidSecret, readAccount } from './account-rows.ts';

/** An account that a change is about; NOT_FOUND if the caller may not manage it, ABORTED if its etag is another. */
export async function lockedAccount(
  client: PoolClient,
  caller: Caller,
  id: string,
  { etag = '' }: Pick<Change, 'etag'> = {},
): Promise<StoredAccount> {
  const account = visible(caller, id, await readAccount(client, id));
  if (etag === '' || etag === account.etag) return account;
  const message = `${id}: it has changed since; its etag is ${account.etag}`;
  throw new ServiceError('ETAG_MISMATCH', message, {
    metadata: { name: id, etag: account.etag },
  });
}

/** What a caller may manage of what is there: the rest is not there for it. */
export function visible(
  caller: Caller,
  id: string,
  found: StoredAccount | undefined,
): StoredAccount {
  if (found !== undefined && mayManage(caller, found.record.grants)) return found;
  throw accountNotFound(id);
}

/** NOT_FOUND, also where the account is there for others. */
export function accountNotFound(name: string): ServiceError {
  return new ServiceError('ACCOUNT_NOT_FOUND', `${name}: not found`, { metadata: { name } });
}

/** FAILED_PRECONDITION: the account was ended for good. */
export function revokedAccount(name: string): ServiceError {
  return new ServiceError('ACCOUNT_REVOKED', `${name}: is revoked`, { metadata: { name } });
}

/** FAILED_PRECONDITION if no platform administrator is left that can sign in, and one of them was just changed. */
export async function requireAdministrator(
  client: PoolClient,
  { record }: StoredAccount,
): Promise<void> {
  const wasOne = record.grants.some(({ role }) => role === 'platform_admin');
  if (!wasOne || record.state !== 'ENABLED') return;
  const { rowCount } = await client.query(
    `SELECT 1 FROM account a
WHERE a.grants @> '[{"role": "platform_admin"}]' AND a.state = 'ENABLED' AND (
  EXISTS (SELECT 1 FROM account_secret s WHERE s.account_id = a.account_id AND ${isValidSecret})
  OR EXISTS (SELECT 1 FROM account_certificate c WHERE c.account_id = a.account_id))
LIMIT 1`,
  );
  if (rowCount !== 0) return;
  const message = `${record.id}: no platform_admin that can sign in would be left`;
  throw new ServiceError('LAST_PLATFORM_ADMIN', message, { metadata: { name: record.id } });
}
