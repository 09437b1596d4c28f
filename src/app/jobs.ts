import type { Pool } from 'pg';
import { createGrownChains } from '../audit/grown-chains.ts';
import type { Settings } from '../config.ts';
import { inTransaction } from '../db/transaction.ts';
import { createRollUp } from '../ledger/upkeep/roll-up.ts';
import type { Transact } from '../ledger/upkeep/transact.ts';
import type { Sweep } from '../ledger/sweep/sweep.ts';
import { createOrganizationList, organizationsIn } from '../ledger/upkeep/organization-list.ts';
import { createUpkeep } from '../ledger/upkeep/upkeep.ts';
import type { Clock } from '../platform/clock.ts';
import type { LedgerMetrics } from '../platform/ledger-metrics.ts';
import type { Log } from '../platform/log.ts';
import { repeat } from '../platform/repeat.ts';
import type { UndoList } from '../platform/undo.ts';
import { forgetAccountRequests } from '../auth/account-change.ts';
import { forgetChangeRequests } from '../policies/store/change.ts';

const upkeepIntervalMs = 60_000;
const hourMs = 3_600_000;

/** What the jobs work on and with. */
export interface JobParts {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: LedgerMetrics;
  readonly sweep: Pick<Sweep, 'pass'>;
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
    perOrganization: settings.batch === 'per-org',
  });
  start('upkeep', () => upkeep(stopping.signal), upkeepIntervalMs);
  start('roll-up', rollUpJob(settings, parts, transact, stopping.signal), upkeepIntervalMs);
  const forget = forgetJob(settings, parts, stopping.signal);
  start('forgetting admin request ids', forget, upkeepIntervalMs);
  start('audit heads', auditHeadsJob(parts), upkeepIntervalMs);
  if (settings.expiryIntervalMs > 0) {
    start('expiry', sweepJob(parts, stopping.signal), settings.expiryIntervalMs);
  }
  // The first to be undone: what is in the middle of much work ends before it is waited for.
  undo.add(() => stopping.abort());
}

/** Forgets admin request ids past their time. An organization whose node is lost delays no other. */
function forgetJob(
  { batch, requestIdHours }: Settings,
  { pool, clock }: JobParts,
  signal: AbortSignal,
): () => Promise<void> {
  const organizations = createOrganizationList(() => organizationsIn(pool));
  return async () => {
    const beforeMs = clock.nowMs() - requestIdHours * hourMs;
    const failures: unknown[] = [];
    await forgetAccountRequests(pool, beforeMs).catch((cause: unknown) => failures.push(cause));
    for (const orgId of batch === 'per-org' ? await organizations() : [undefined]) {
      if (signal.aborted) break;
      await forgetChangeRequests(pool, beforeMs, orgId).catch((cause: unknown) =>
        failures.push(cause),
      );
    }
    if (failures.length > 0)
      throw new AggregateError(failures, 'request ids could not be forgotten');
  };
}

/** Logs the end of each chain of the audit trail that has grown, so that a copy is kept where the log is. */
function auditHeadsJob({ pool, clock, log }: JobParts): () => Promise<void> {
  const grownChains = createGrownChains(pool, () => clock.nowMs());
  return async () => {
    for (const { orgId, sequence, hash } of await grownChains()) {
      log.info({ orgId, sequence, hash: hash.toString('hex') }, 'the audit trail ends here');
    }
  };
}

/** One pass over the holds whose time is over; those that cannot be ended are counted and logged. */
function sweepJob({ sweep, log, metrics }: JobParts, signal: AbortSignal): () => Promise<void> {
  return async () => {
    const { stuck, examples } = await sweep.pass(signal);
    metrics.stuckHolds(stuck);
    for (const { cause: err, orgId, requestId } of examples) {
      log.error({ err, orgId, requestId, stuck }, 'a hold whose time is over cannot be ended');
    }
  };
}

/** One pass of the roll-up. It is counted in the metrics, and logged if there was anything to do. */
function rollUpJob(
  { batch }: Settings,
  { pool, clock, log, metrics }: JobParts,
  transact: Transact,
  signal: AbortSignal,
): () => Promise<void> {
  const rollUp = createRollUp({
    pool,
    transact,
    perOrganization: batch === 'per-org',
    nowMs: () => clock.nowMs(),
    onWaiting: (organizations) => metrics.waitingForRollUp(organizations),
    onPiece: (rows) => metrics.rolledUp(rows),
  });
  return async () => {
    const startedMs = performance.now();
    const pass = await rollUp(signal);
    const seconds = (performance.now() - startedMs) / 1000;
    metrics.rollUpPassed(seconds);
    if (pass.rows > 0) log.info({ ...pass, seconds }, 'usage rolled up');
    else if (pass.waiting > 0) log.info({ ...pass }, 'usage waits to be rolled up');
  };
}
