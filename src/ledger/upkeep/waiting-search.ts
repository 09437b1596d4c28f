import type { ClientBase, Pool } from 'pg';
import { isRefusedByServer } from '../../db/wire/server-refusal.ts';
import { dayOf } from '../record/recorded-day.ts';
import { waitingOrganizations } from '../sql/roll-up.ts';
import { partitionName } from '../sql/daily-partitions.ts';
import { listPartitions } from '../sql/upkeep.ts';
import { inScope } from '../sql/upkeep-statement.ts';
import { createOrganizationList, organizationsIn } from './organization-list.ts';

/** An organization with usage that is to be rolled up. */
export interface WaitingOrganization {
  readonly orgId: string;
  /** Whether it has more rows than may wait for the end of their quarter. */
  readonly isCrowded: boolean;
}

/** Looks for organizations whose usage is to be rolled up. */
export type WaitingSearch = (
  endedMs: number,
  nowMs: number,
  mostWaitingRows: number,
) => Promise<readonly WaitingOrganization[]>;

const dayMs = 86_400_000;

/**
 * Creates the search. It looks into all partitions of usage once a day (UTC), and otherwise only into those of the last
 * two days: what is recorded on an older day, because the database's clock was set back, is found a day later. Until
 * then it is counted row by row, so sums are right.
 */
export function createWaitingSearch(pool: Pool, perOrganization: boolean): WaitingSearch {
  let searchedAll = '';
  const list = createOrganizationList(() => organizationsIn(pool));
  const look = async (
    partition: string,
    beforeMs: number,
    skip = 0,
  ): Promise<readonly string[]> => {
    if (!perOrganization) return waitingIn(pool, partition, { beforeMs, skip });
    const found: string[] = [];
    for (const orgId of await list()) {
      // The organizations of a node that is lost are left to a later pass.
      const own = waitingIn(pool, partition, { beforeMs, skip, orgId }).catch(unlessRefused);
      found.push(...(await own));
    }
    return found;
  };
  return async (endedMs, nowMs, mostWaitingRows) => {
    const [today, dayBefore] = [dayOf(nowMs), dayOf(nowMs - dayMs)];
    const { rows } = await pool.query<{ day: string }>(listPartitions.text, ['usage']);
    const found = new Map<string, boolean>();
    for (const { day } of rows) {
      if (day > today || (day < dayBefore && searchedAll === today)) continue;
      const partition = partitionName('usage', day);
      for (const orgId of await look(partition, endedMs)) found.set(orgId, false);
      if (day < today) continue;
      const crowded = await look(partition, nowMs, mostWaitingRows);
      for (const orgId of crowded) found.set(orgId, true);
    }
    for (const orgId of await look('usage_rest', endedMs)) {
      if (!found.has(orgId)) found.set(orgId, false);
    }
    searchedAll = today;
    return [...found].map(([orgId, isCrowded]) => ({ orgId, isCrowded }));
  };
}

/** What is looked for. */
export interface WaitingIn {
  readonly beforeMs: number;
  /** Rows that may wait. Default 0. */
  readonly skip?: number;
  /** One organization alone. */
  readonly orgId?: string | undefined;
}

function unlessRefused(cause: unknown): readonly string[] {
  if (isRefusedByServer(cause)) return [];
  throw cause;
}

/**
 * The organizations of which a partition of usage has rows that were recorded before an instant and are not rolled up,
 * more than `skip` of them.
 */
export async function waitingIn(
  client: ClientBase | Pool,
  partition: string,
  { beforeMs, skip = 0, orgId }: WaitingIn,
): Promise<readonly string[]> {
  const values = [new Date(beforeMs).toISOString(), skip];
  const statement = inScope(waitingOrganizations(partition), values, orgId);
  const { rows } = await client.query<{ org_id: string }>(statement);
  return rows.map((row) => row.org_id);
}
