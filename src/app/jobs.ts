import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'pg';
import type { Settings } from '../config.ts';
import { inTransaction } from '../db/transaction.ts';
import { createRollUp } from '../ledger/roll-up.ts';
import type { Transact } from '../ledger/transact.ts';
import { createUpkeep } from '../ledger/upkeep.ts';
import type { Clock } from '../platform/clock.ts';
import type { LedgerMetrics } from '../platform/ledger-metrics.ts';
import type { Log } from '../platform/log.ts';
import { repeat } from '../platform/repeat.ts';
import type { UndoList } from '../platform/undo.ts';
import type { createExpireHolds } from '../service/expire-holds.ts';
import { forgetChangeRequests } from '../policies/change.ts';

const upkeepIntervalMs = 60_000;
const hourMs = 3_600_000;

/** What the jobs work on and with. */
export interface JobParts {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: LedgerMetrics;
  readonly sweep: ReturnType<typeof createExpireHolds>;
}

/** Starts what is done again and again: the sweep of expired holds, the roll-up, and upkeep. */
export function startJobs(settings: Settings, parts: JobParts, undo: UndoList): void {
  const { pool, clock, log } = parts;
  const failed = (job: string) => (err: unknown) => log.warn({ err, job }, 'job failed');
  const stopping = new AbortController();
  const start = (job: string, work: () => Promise<unknown>, intervalMs: number): void => {
    const repetition = repeat(work, intervalMs, failed(job));
    undo.add(() => repetition.stop());
  };
  const transact: Transact = (work) => inTransaction(pool, work);
  const upkeep = createUpkeep({
    pool,
    transact,
    nowMs: () => clock.nowMs(),
    retention: settings,
  });
  start('upkeep', () => upkeep(stopping.signal), upkeepIntervalMs);
  start('roll-up', rollUpJob(parts, transact, stopping.signal), upkeepIntervalMs);
  const forget = (): Promise<number> =>
    forgetChangeRequests(pool, clock.nowMs() - settings.requestIdHours * hourMs);
  start('forgetting admin request ids', forget, upkeepIntervalMs);
  if (settings.expiryIntervalMs > 0) {
    start('expiry', expiryJob(parts, stopping.signal), settings.expiryIntervalMs);
  }
  // The first to be undone: what is in the middle of much work ends before it is waited for.
  undo.add(() => stopping.abort());
}

/**
 * From one piece of the sweep (256 holds) to the next: at most 2,000 holds a second, about a tenth of what a lane
 * does. By number and not by time, because on a busy machine most of a piece's time is waiting.
 */
const pieceIntervalMs = 128;
const shortestRestMs = 16;

/** One pass of the sweep of expired holds, beside the lanes. */
function expiryJob({ sweep, log, metrics }: JobParts, signal: AbortSignal): () => Promise<void> {
  const rest = async (tookMs: number): Promise<void> => {
    await delay(Math.max(shortestRestMs, pieceIntervalMs - tookMs), undefined, {
      signal,
      ref: false,
    }).catch(() => {
      // Woken early, to stop: the sweep asks the signal.
    });
  };
  return async () => {
    const { ended, failed, cause } = await sweep({ rest, signal });
    metrics.expired(ended);
    metrics.stuck(failed);
    if (failed > 0) log.error({ err: cause, failed }, 'expired holds could not be ended');
  };
}

/** One pass of the roll-up, told to the metrics and, if there was anything to do, to the log. */
function rollUpJob(
  { pool, clock, log, metrics }: JobParts,
  transact: Transact,
  signal: AbortSignal,
): () => Promise<void> {
  const rollUp = createRollUp({
    pool,
    transact,
    nowMs: () => clock.nowMs(),
    onWaiting: (days) => metrics.waitingForRollUp(days),
    onPiece: (rows) => metrics.rolledUp(rows),
  });
  return async () => {
    const startedMs = performance.now();
    const pass = await rollUp(signal);
    const seconds = (performance.now() - startedMs) / 1000;
    metrics.rollUpPassed(seconds);
    if (pass.days > 0 || pass.rows > 0) log.info({ ...pass, seconds }, 'usage rolled up');
    else if (pass.waiting > 0) log.info({ ...pass }, 'usage waits to be rolled up');
  };
}
