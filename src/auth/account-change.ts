import { createHash } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import { appendAuditEntries } from '../audit/append-entries.ts';
import { platformChain } from '../audit/audit-trail.ts';
import type { Audited } from '../audit/audit-trail.ts';
import { inTransaction } from '../db/transaction.ts';
import { ServiceError } from '../platform/service-error.ts';
import type { Change } from '../policies/policy-store.ts';

/** The form of the answers that are kept. */
const resultForm = 1;

/** Serializes all changes of accounts: they are rare, and whether an administrator is left concerns all of them. */
export const lockAccounts = 'SELECT pg_advisory_xact_lock(1640366, 20)';

/** What a change did; `audited` is empty if nothing was to be changed. */
export interface AccountsChanged<T> {
  readonly result: T;
  readonly audited: readonly Audited[];
}

/**
 * Runs one change of accounts; see `AccountStore` for what that promises. `result` is kept for repeats, so it never
 * contains a secret or its hash.
 */
export async function changeAccounts<T extends object>(
  pool: Pool,
  by: Change,
  work: (client: PoolClient) => Promise<AccountsChanged<T>>,
): Promise<{ readonly result: T; readonly replayed: boolean }> {
  return inTransaction(
    pool,
    async (client) => {
      await client.query(lockAccounts);
      const first = await firstResult<T>(client, by);
      if (first !== undefined) return { result: first, replayed: true };
      const { result, audited } = await work(client);
      await keepResult(client, by, result);
      await audit(client, by, audited);
      return { result, replayed: false };
    },
    { discard: by.validateOnly === true },
  );
}

/** Appends to the platform's chain, in a transaction that holds no other chain. */
export async function audit(
  client: PoolClient,
  by: Pick<Change, 'actor' | 'reason' | 'rpc' | 'peer' | 'requestId'>,
  audited: readonly Audited[],
): Promise<void> {
  if (audited.length === 0) return;
  const { rows } = await client.query<{ now: Date }>('SELECT now()');
  const now = rows[0]?.now ?? new Date(0);
  await appendAuditEntries(client, { orgId: platformChain, now, by }, audited);
}

interface Kept<T> {
  readonly form: number;
  readonly result: T;
}

/** The answer that a request of the actor with this id had; undefined when it is the first. */
async function firstResult<T>(client: PoolClient, by: Change): Promise<T | undefined> {
  if (by.requestId === undefined || by.requestId === '') return undefined;
  const { rows } = await client.query<{ content_sha256: Buffer; result: Kept<T> }>(
    'SELECT content_sha256, result FROM account_request WHERE actor = $1 AND request_id = $2',
    [by.actor, by.requestId],
  );
  const [first] = rows;
  if (first === undefined) return undefined;
  if (first.result.form !== resultForm) throw new Error('an answer is kept in an unknown form');
  if (first.content_sha256.equals(contentHash(by))) return first.result.result;
  const description = 'was used for another change';
  throw new ServiceError('REQUEST_ID_CONFLICT', `request_id: ${by.requestId} ${description}`, {
    violations: [{ field: 'request_id', description }],
    metadata: { field: 'request_id' },
  });
}

async function keepResult(client: PoolClient, by: Change, result: object): Promise<void> {
  if (by.requestId === undefined || by.requestId === '') return;
  await client.query(
    'INSERT INTO account_request (actor, request_id, content_sha256, result) VALUES ($1, $2, $3, $4)',
    [by.actor, by.requestId, contentHash(by), JSON.stringify({ form: resultForm, result })],
  );
}

function contentHash({ requested = '' }: Change): Buffer {
  return createHash('sha256').update(requested).digest();
}

/** Forgets the answers of changes of accounts that are older than an instant. */
export async function forgetAccountRequests(pool: Pool, beforeMs: number): Promise<void> {
  await pool.query('DELETE FROM account_request WHERE at < $1', [new Date(beforeMs)]);
}
