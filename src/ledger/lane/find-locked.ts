import type { Pool, PoolClient } from 'pg';
import { lockedMeters } from '../sql/locked-meters.ts';
import { transactionSettings } from '../sql/transaction-settings.ts';
import type { Planned } from './planned.ts';

/**
 * The organizations of some operations that another session has locked at this moment: those that a batch of
 * these operations would have to wait for. Undefined where that cannot be found out; never fails.
 */
export type FindLocked = (
  operations: readonly Planned[],
) => Promise<ReadonlySet<string> | undefined>;

/** What locked organizations are found with. */
export interface FindLockedOptions {
  readonly lockTimeoutMs: number;
  /** One organization per transaction, for a distributed PostgreSQL. */
  readonly perOrganization: boolean;
  readonly isLocked: (cause: unknown) => boolean;
}

/** Looks beside the lanes: a lane's connection may be waiting itself. */
export function createFindLocked(pool: Pool, options: FindLockedOptions): FindLocked {
  async function find(operations: readonly Planned[]): Promise<ReadonlySet<string> | undefined> {
    try {
      return await readLocked(pool, operations, options);
    } catch (cause) {
      // The table is locked, and so is all that is in it.
      if (options.isLocked(cause))
        return new Set(operations.map(({ operation }) => operation.orgId));
      // What is wrong with the store shows in the batch that is run next.
      return undefined;
    }
  }

  if (!options.perOrganization) return find;
  return async (operations) => {
    const locked = new Set<string>();
    for (const own of Map.groupBy(operations, ({ operation }) => operation.orgId).values()) {
      for (const orgId of (await find(own)) ?? []) locked.add(orgId);
    }
    return locked;
  };
}

async function readLocked(
  pool: Pool,
  operations: readonly Planned[],
  { lockTimeoutMs, perOrganization }: FindLockedOptions,
): Promise<ReadonlySet<string>> {
  const meters = operations.flatMap(({ operation: { orgId }, plan }) =>
    plan.meters.map(({ name }) => [orgId, name] as const),
  );
  const client = await pool.connect();
  let isSound = false;
  try {
    const settings = transactionSettings(perOrganization, lockTimeoutMs);
    await client.query(
      ['BEGIN', ...settings, `SET LOCAL lock_timeout = ${lockTimeoutMs}`].join('; '),
    );
    const { text, perOrganizationText } = lockedMeters;
    const found = await readIn(client, perOrganization ? perOrganizationText : text, meters);
    await client.query('ROLLBACK');
    isSound = true;
    return found;
  } finally {
    client.release(!isSound);
  }
}

async function readIn(
  client: PoolClient,
  text: string,
  meters: readonly (readonly [orgId: string, name: string])[],
): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ org_id: string }>(text, [
    meters.map(([orgId]) => orgId),
    meters.map(([, name]) => name),
  ]);
  return new Set(rows.map((row) => row.org_id));
}
