import type { ClientBase } from 'pg';
import type { FollowingClock } from '../../platform/database-clock.ts';
import { databaseNowMs } from '../sql/database-now.ts';
import { lockOrganization } from '../sql/lock-organization.ts';

/** Takes the organization's lock. Returns its time: the database's, but not before its newest window. */
export async function lockedNowMs(
  client: ClientBase,
  orgId: string,
  clock: Pick<FollowingClock, 'read'>,
): Promise<number> {
  const { rows: locked } = await client.query<{ ten_seconds_start: string }>(lockOrganization, [
    orgId,
  ]);
  const sentMs = performance.now();
  const { rows } = await client.query<{ now_ms: string }>(`SELECT ${databaseNowMs} AS now_ms`);
  const databaseMs = Number(rows[0]?.now_ms);
  const nowMs = clock.read({ databaseNowMs: databaseMs, sentMs, receivedMs: performance.now() });
  return Math.max(nowMs, Number(locked[0]?.ten_seconds_start ?? 0));
}
