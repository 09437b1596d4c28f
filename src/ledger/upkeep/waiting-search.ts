import type { ClientBase, Pool } from 'pg';
import { dayOf } from '../record/recorded-day.ts';
import { waitingOrganizations } from '../sql/roll-up.ts';
import { listPartitions } from '../sql/upkeep.ts';

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
export function createWaitingSearch(pool: Pool): WaitingSearch {
  let searchedAll = '';
  return async (endedMs, nowMs, mostWaitingRows) => {
    const [today, dayBefore] = [dayOf(nowMs), dayOf(nowMs - dayMs)];
    const { rows } = await pool.query<{ day: string }>(listPartitions.text, ['usage']);
    const found = new Map<string, boolean>();
    for (const { day } of rows) {
      if (day > today || (day < dayBefore && searchedAll === today)) continue;
      const partition = `usage_${day.replaceAll('-', '')}`;
      for (const orgId of await waitingIn(pool, partition, endedMs)) found.set(orgId, false);
      if (day < today) continue;
      const crowded = await waitingIn(pool, partition, nowMs, mostWaitingRows);
      for (const orgId of crowded) found.set(orgId, true);
    }
    for (const orgId of await waitingIn(pool, 'usage_rest', endedMs)) {
      if (!found.has(orgId)) found.set(orgId, false);
    }
    searchedAll = today;
    return [...found].map(([orgId, isCrowded]) => ({ orgId, isCrowded }));
  };
}

/**
 * The organizations of which a partition of usage has rows that were recorded before an instant and are not rolled up,
 * more than `skip` of them.
 */
export async function waitingIn(
  client: ClientBase | Pool,
  partition: string,
  beforeMs: number,
  skip = 0,
): Promise<readonly string[]> {
  const before = new Date(beforeMs).toISOString();
  const { text } = waitingOrganizations(partition);
  const { rows } = await client.query<{ org_id: string }>(text, [before, skip]);
  return rows.map((row) => row.org_id);
}
