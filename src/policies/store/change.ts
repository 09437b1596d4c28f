import { createHash } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import { appendAuditEntries } from '../../audit/append-entries.ts';
import type { Audited } from '../../audit/audit-trail.ts';
import type { ChangedUsage, UsageChange } from '../../core/usage-change.ts';
import type { Calendar } from '../../core/window.ts';
import { inTransaction } from '../../db/transaction.ts';
import type { Clock } from '../../platform/clock.ts';
import { ServiceError } from '../../platform/service-error.ts';
import { notFound } from './change-errors.ts';
import { platformId } from '../policy-store.ts';
import type { Change } from '../policy-store.ts';
import { encodeDoc, encodeValue, openDoc } from './documents.ts';
import type { StoredDoc } from './documents.ts';

/** What the store needs of its surroundings. */
export interface StoreParts {
  readonly pool: Pool;
  readonly clock: Clock;
  /** Rebuilds the current windows of an organization's meters, inside the transaction of the change. */
  readonly onCalendarChange: (
    client: PoolClient,
    orgId: string,
    calendar: Calendar,
  ) => Promise<void>;
  /** Changes usage in the ledger, inside the transaction of the change; undefined: there was nothing to change. */
  readonly onUsageChange: (
    client: PoolClient,
    orgId: string,
    change: UsageChange,
  ) => Promise<ChangedUsage | undefined>;
  /** Called after each change that was committed here; a hint for caches of this process. */
  readonly onChange?: ((change: ChangeNotice) => void) | undefined;
}

/** That an organization, or the platform, has changed: what NOTIFY carries on `changeChannel`, as `org_id epoch kind`. */
export interface ChangeNotice {
  readonly orgId: string;
  readonly epoch: number;
  readonly kind: string;
}

/** The channel on which the epochs of changed organizations are sent. */
export const changeChannel = 'tollgate_policy';

/** A change under way: its organization is locked. */
export interface Locked {
  readonly client: PoolClient;
  readonly orgId: string;
  /** The epoch that this change makes. */
  readonly epoch: number;
  readonly now: Date;
  readonly by: Change;
}

/** What a change did, for its caller and for the audit trail. */
export interface Done<T> extends Audited {
  readonly result: T;
  /** What else the same change changed. */
  readonly also?: readonly Audited[];
  /** Nothing was to be changed, and nothing was: no step of the epoch, no entry of the audit trail. */
  readonly isNothing?: boolean;
  /** It changed usage, and no policy: the epoch does not step, and it is no part of the history of records. */
  readonly isOfUsage?: boolean;
}

/** A change as it was asked for. */
export interface ChangeRequest<T> {
  readonly orgId: string;
  readonly by: Change;
  /** Everything that makes two requests the same one, secrets left out. */
  readonly content: readonly unknown[];
  /** Reads a result back that was kept for repeats. */
  readonly decode: (doc: never) => T;
}

/** Runs one change of an organization that exists; see `PolicyStore` for what that promises. */
export async function runChange<T>(
  parts: StoreParts,
  request: ChangeRequest<T>,
  work: (locked: Locked) => Promise<Done<T>>,
): Promise<{ readonly result: T; readonly replayed: boolean }> {
  const { orgId, by } = request;
  const discard = by.validateOnly === true;
  let notice: ChangeNotice | undefined;
  const answer = await inTransaction(
    parts.pool,
    async (client) => {
      const epoch = (await lockOrganization(client, orgId)) + 1;
      const first = await firstAnswer(client, request);
      if (first !== undefined) return { result: first.result, replayed: true };
      const locked = { client, orgId, epoch, now: new Date(parts.clock.nowMs()), by };
      const done = await work(locked);
      if (done.isNothing === true) {
        await keepAnswer(locked, request, done);
        return { result: done.result, replayed: false };
      }
      if (done.isOfUsage === true) {
        await keepAnswer(locked, request, done);
        await appendAuditEntries(client, { orgId, now: locked.now, by }, [done]);
        return { result: done.result, replayed: false };
      }
      await stepEpoch(client, orgId, epoch);
      await finishChange(locked, request, done);
      notice = { orgId, epoch, kind: done.kind };
      return { result: done.result, replayed: false };
    },
    { discard },
  );
  if (notice !== undefined && !discard) parts.onChange?.(notice);
  return answer;
}

/**
 * Locks an organization as every call of it does, by its own meter row, and returns its epoch. The epoch is
 * read by a statement of its own: it begins after the lock is held, so it sees the last holder's step.
 */
async function lockOrganization(client: PoolClient, orgId: string): Promise<number> {
  const lock = "SELECT 1 FROM meter WHERE org_id = $1 AND meter_id = 'org' FOR UPDATE";
  const { rowCount } = await client.query(lock, [orgId]);
  if (rowCount === 0) throw notFound('ORGANIZATION_NOT_FOUND', orgId);
  const { rows } = await client.query<{ epoch: string }>(
    'SELECT epoch FROM org WHERE org_id = $1',
    [orgId],
  );
  const epoch = rows[0]?.epoch;
  if (epoch === undefined) throw notFound('ORGANIZATION_NOT_FOUND', orgId);
  return Number(epoch);
}

/** The platform's epoch is kept once more, in a table that is on every node of a cluster: every call reads it. */
async function stepEpoch(client: PoolClient, orgId: string, epoch: number): Promise<void> {
  await client.query('UPDATE org SET epoch = $2 WHERE org_id = $1', [orgId, epoch]);
  if (orgId === platformId) await client.query('UPDATE platform SET epoch = $1', [epoch]);
}

/** The answer that a request with this id had; undefined when it is the first. */
export async function firstAnswer<T>(
  client: PoolClient,
  request: ChangeRequest<T>,
): Promise<{ readonly result: T } | undefined> {
  const { orgId, by } = request;
  if (by.requestId === undefined || by.requestId === '') return undefined;
  const { rows } = await client.query<{
    content_sha256: Buffer;
    result: StoredDoc<{ result: never }>;
  }>('SELECT content_sha256, result FROM change_request WHERE org_id = $1 AND request_id = $2', [
    orgId,
    by.requestId,
  ]);
  const first = rows[0];
  if (first === undefined) return undefined;
  if (!first.content_sha256.equals(contentHash(request))) {
    throw new ServiceError(
      'REQUEST_ID_CONFLICT',
      `request_id: ${by.requestId} was used for another change`,
      {
        violations: [{ field: 'request_id', description: 'was used for another change' }],
        metadata: { field: 'request_id' },
      },
    );
  }
  return { result: request.decode(openDoc<{ result: never }>(first.result).result) };
}

/** Writes what every change leaves: its answer for repeats, its entries of the audit trail, the notice. */
export async function finishChange<T>(
  locked: Locked,
  request: ChangeRequest<T>,
  done: Done<T>,
): Promise<void> {
  const { client, orgId, epoch } = locked;
  await keepAnswer(locked, request, done);
  const { now, by } = locked;
  await appendAuditEntries(client, { orgId, now, by, epoch }, [done, ...(done.also ?? [])]);
  const notice = `${orgId} ${epoch} ${done.kind}`;
  await client.query('SELECT pg_notify($1, $2)', [changeChannel, notice]);
}

/** Keeps the answer for repeats, if the change has a request id. */
async function keepAnswer<T>(
  { client, orgId, now, by }: Locked,
  request: ChangeRequest<T>,
  { result }: Done<T>,
): Promise<void> {
  if (by.requestId === undefined || by.requestId === '') return;
  await client.query(
    `INSERT INTO change_request (org_id, request_id, content_sha256, result, at)
VALUES ($1, $2, $3, $4, $5)`,
    [orgId, by.requestId, contentHash(request), encodeDoc({ result }), now],
  );
}

function contentHash<T>(request: ChangeRequest<T>): Buffer {
  const { reason, exists, etag, requested } = request.by;
  return createHash('sha256')
    .update(requested ?? encodeValue([request.content, reason, exists, etag]))
    .digest();
}

/** Forgets the answers of changes older than an instant, of all organizations or of one; the number forgotten. */
export async function forgetChangeRequests(
  pool: Pool,
  beforeMs: number,
  orgId?: string,
): Promise<number> {
  const before = new Date(beforeMs);
  const { rowCount } = await (orgId === undefined
    ? pool.query('DELETE FROM change_request WHERE at < $1', [before])
    : pool.query('DELETE FROM change_request WHERE org_id = $2 AND at < $1', [before, orgId]));
  return rowCount ?? 0;
}
