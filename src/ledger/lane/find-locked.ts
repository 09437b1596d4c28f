import type { Pool, PoolClient } from 'pg';
import { lockedMeters } from '../sql/locked-meters.ts';
import type { Planned } from './planned.ts';

/**
 * The organizations of some operations that another session has locked at this moment: those that a batch of
 * these operations would have to wait for. Undefined where that cannot be found out; never fails.
 */
export type FindLocked = (
  operations: readonly Planned[],
) => Promise<ReadonlySet<string> | undefined>;

/** Looks beside the lanes: a lane's connection may be waiting itself. */
export function createFindLocked(
  pool: Pool,
  options: { readonly lockTimeoutMs: number; readonly isLocked: (cause: unknown) => boolean },
): FindLocked {
  return async (operations) => {
    try {
      return await readLocked(pool, operations, options.lockTimeoutMs);
    } catch (cause) {
      // The table is locked, and so is all that is in it.
      if (options.isLocked(cause))
        return new Set(operations.map(({ operation }) => operation.orgId));
      // What is wrong with the store shows in the batch that is run next.
      return undefined;
    }
  };
}

async function readLocked(
  pool: Pool,
  operations: readonly Planned[],
  lockTimeoutMs: number,
): Promise<ReadonlySet<string>> {
  const meters = operations.flatMap(({ operation: { orgId }, plan }) =>
    plan.meters.map(({ name }) => [orgId, name] as const),
  );
  const client = await pool.connect();
  let isSound = false;
  try {
    await client.query(`BEGIN; SET LOCAL lock_timeout = ${lockTimeoutMs}`);
    const found = await readIn(client, meters);
    await client.query('ROLLBACK');
    isSound = true;
    return found;
  } finally {
    client.release(!isSound);
  }
}

async function readIn(
  client: PoolClient,
  meters: readonly (readonly [orgId: string, name: string])[],
): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ org_id: string }>(lockedMeters.text, [
    meters.map(([orgId]) => orgId),
    meters.map(([, name]) => name),
  ]);
  return new Set(rows.map((row) => row.org_id));
}
