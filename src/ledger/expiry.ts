import type { Pool, PoolClient } from 'pg';
import type { FollowingClock } from '../platform/database-clock.ts';
import type { ExpiryPass, ExpiryScope } from './ledger.ts';
import { expiredOrganizations, openExpired } from './sql/open-expired.ts';

/** What the sweep is made of. */
export interface ExpiryParts {
  readonly pool: Pool;
  readonly clock: FollowingClock;
  readonly monotonicMs: () => number;
}

/** Ends one hold, if it is still open and its time is over; whether it was. */
type EndHold = (orgId: string, requestId: string) => Promise<boolean>;

/** Holds of one piece, of all organizations together. */
const pieceHolds = 256;
const mostOrganizations = 64;
/** A replica that is paused during a pass loses its turn after this long. */
const turnMs = 3000;
const turnLock = 7_045_184_311_011;

interface HoldRow {
  readonly org_id: string;
  readonly request_id: string;
  readonly expires_at: string;
}

/** Where a pass stands with one organization. */
interface Place {
  readonly orgId: string;
  expiresAt: string;
  requestId: string;
}

/**
 * Creates the sweep of expired holds. It takes pieces of a bounded number of holds, some of each organization in
 * turn, and never looks at a hold twice in a pass. A pass that rests takes its turn first: one replica at a time.
 */
export function createExpiry({ pool, clock, monotonicMs }: ExpiryParts) {
  const nowMs = (): number | null => (clock.isDatabase ? null : clock.nowMs());

  async function piece(
    client: PoolClient,
    places: readonly Place[],
    each: number,
  ): Promise<readonly HoldRow[]> {
    const columns = [
      places.map(({ orgId }) => orgId),
      places.map(({ expiresAt }) => expiresAt),
      places.map(({ requestId }) => requestId),
    ];
    const values = [nowMs(), ...columns, each];
    return (await client.query<HoldRow>({ ...openExpired, values })).rows;
  }

  async function sweep(client: PoolClient, end: EndHold, scope: ExpiryScope): Promise<ExpiryPass> {
    const { rows } = await client.query<{ org_id: string }>({
      ...expiredOrganizations,
      values: [nowMs(), scope.orgId ?? null],
    });
    let left: Place[] = rows.map((row) => ({ orgId: row.org_id, expiresAt: '-1', requestId: '' }));
    let [ended, failed] = [0, 0];
    let cause: unknown;
    while (left.length > 0 && scope.signal?.aborted !== true) {
      const startedMs = monotonicMs();
      const places = left.splice(0, mostOrganizations);
      const each = Math.ceil(pieceHolds / places.length);
      const holds = await piece(client, places, each);
      for (const one of await Promise.allSettled(
        holds.map((row) => end(row.org_id, row.request_id)),
      )) {
        if (one.status === 'fulfilled') ended += Number(one.value);
        else {
          failed += 1;
          cause ??= one.reason;
        }
      }
      left = [...left, ...advanced(places, holds, each)];
      await scope.rest?.(monotonicMs() - startedMs);
    }
    return { ended, failed, cause };
  }

  /** Ends the holds whose time is over. */
  return async function expire(end: EndHold, scope: ExpiryScope): Promise<ExpiryPass> {
    const client = await pool.connect();
    try {
      if (scope.rest === undefined) return await sweep(client, end, scope);
      return await inTurn(client, () => sweep(client, end, scope));
    } finally {
      client.release();
    }
  };
}

/** The organizations that may have more, each behind the last hold that was seen. */
function advanced(places: readonly Place[], holds: readonly HoldRow[], each: number): Place[] {
  const last = new Map(holds.map((row) => [row.org_id, row]));
  const counts = Map.groupBy(holds, (row) => row.org_id);
  return places.flatMap((place) => {
    const row = last.get(place.orgId);
    if (row === undefined || (counts.get(place.orgId)?.length ?? 0) < each) return [];
    return [{ orgId: place.orgId, expiresAt: row.expires_at, requestId: row.request_id }];
  });
}

/** Does nothing if another replica is at work. Its session ends soon if it is paused. */
async function inTurn(client: PoolClient, work: () => Promise<ExpiryPass>): Promise<ExpiryPass> {
  const { rows } = await client.query<{ ours: boolean }>(
    `SELECT pg_try_advisory_lock($1) AS ours, set_config('idle_session_timeout', $2, false)`,
    [turnLock, String(turnMs)],
  );
  try {
    return rows[0]?.ours === true ? await work() : { ended: 0, failed: 0, cause: undefined };
  } finally {
    await client
      .query(`SELECT pg_advisory_unlock_all(), set_config('idle_session_timeout', '0', false)`)
      .catch(() => {
        // The session is gone, and its lock with it.
      });
  }
}
