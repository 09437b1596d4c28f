import type { Pool } from 'pg';
import type { Settings } from '../config.ts';
import { createUpkeep } from '../ledger/upkeep.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import { repeat } from '../platform/repeat.ts';
import type { UndoList } from '../platform/undo.ts';
import { forgetChangeRequests } from '../policies/change.ts';

const upkeepIntervalMs = 60_000;
const hourMs = 3_600_000;

/** Starts what is done again and again: the sweep of expired holds, and upkeep. */
export function startJobs(
  settings: Settings,
  parts: { pool: Pool; clock: Clock; log: Log; expireHolds: () => Promise<number> },
  undo: UndoList,
): void {
  const { pool, clock, log, expireHolds } = parts;
  const failed = (job: string) => (err: unknown) => log.warn({ err, job }, 'job failed');
  const upkeep = createUpkeep({ pool, nowMs: () => clock.nowMs(), retention: settings });
  const forget = (): Promise<number> =>
    forgetChangeRequests(pool, clock.nowMs() - settings.requestIdHours * hourMs);
  const upkeeping = repeat(upkeep, upkeepIntervalMs, failed('upkeep'));
  undo.add(() => upkeeping.stop());
  const forgetting = repeat(forget, upkeepIntervalMs, failed('forgetting admin request ids'));
  undo.add(() => forgetting.stop());
  if (settings.expiryIntervalMs === 0) return;
  const sweeping = repeat(() => expireHolds(), settings.expiryIntervalMs, failed('expiry'));
  undo.add(() => sweeping.stop());
}
