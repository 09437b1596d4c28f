import type { Client } from 'pg';
import { runBatch } from '../decide-first/decide-first.ts';
import type { BatchOptions } from '../decide-first/decide-first.ts';
import type { CallMemory } from '../calls/call-memory.ts';
import { LocalFault } from '../../db/wire/local-fault.ts';
import { createEventWriter } from '../events/event-writer.ts';
import { GuardFailed } from '../write-first/guard-failed.ts';
import type { RunBatch } from './lane-options.ts';
import { transactionSettings } from '../sql/transaction-settings.ts';
import type { OperationResult, Planned } from './planned.ts';
import type { LaneConnection } from './connection.ts';
import { createOptimism } from '../write-first/optimism.ts';
import { isOptimistic, runOptimisticBatch } from '../write-first/write-first.ts';
import type { OrganizationTime } from './organization-time.ts';
import { isRefusedByServer } from '../../db/wire/server-refusal.ts';

/** How a batch was run: written first, written first and undone because a guard failed, or decided first. */
export type BatchWay = 'write_first' | 'guard_failed' | 'decide_first';

/** What a lane's batches are run with. */
export interface BatchRunnerOptions {
  readonly connection: LaneConnection;
  readonly time: OrganizationTime;
  readonly durableHolds: boolean;
  readonly perOrganization: boolean;
  readonly lockTimeoutMs: number;
  readonly remembered: CallMemory;
  readonly monotonicMs: () => number;
  readonly onBatch?: (size: number, seconds: number, way: BatchWay) => void;
  readonly onSaturated?: BatchOptions['onSaturated'];
  /** Called with the cause when a batch failed, except for a failed guard. */
  readonly onFailure?: (cause: unknown, size: number) => void;
}

/** Runs the batches of a lane, each in the way that suits it, and remembers what they leave. */
export function createBatchRunner(options: BatchRunnerOptions): RunBatch {
  const { connection, remembered } = options;
  const events = createEventWriter();
  const optimism = createOptimism();
  const settings = transactionSettings(options.perOrganization, options.lockTimeoutMs);

  function chooseWay(batch: readonly Planned[]): BatchWay {
    // What a statement writes into two tables at once, a distributed PostgreSQL refuses.
    const mayWriteFirst =
      !options.perOrganization &&
      isOptimistic(batch) &&
      !batch.some((planned) => isOutdated(planned, options.time));
    return mayWriteFirst && optimism.isWarranted() ? 'write_first' : 'decide_first';
  }

  /** What is remembered of the calls may be old now, and the connection lost. */
  function afterFailure(batch: readonly Planned[], cause: unknown): void {
    for (const { operation } of batch) {
      remembered.forget(operation.orgId, operation.requestId);
    }
    if (cause instanceof GuardFailed) optimism.wasWrong();
    else options.onFailure?.(cause, batch.length);
  }

  const run = async (
    client: Client,
    batch: readonly Planned[],
    onSent: () => void,
  ): Promise<readonly OperationResult[]> => {
    const startedMs = options.monotonicMs();
    let way = chooseWay(batch);
    try {
      const results = await (way === 'write_first' ? runOptimisticBatch : runBatch)(batch, {
        client,
        settings,
        events,
        onSent,
        durableHolds: options.durableHolds,
        time: options.time,
        monotonicMs: options.monotonicMs,
        onSaturated: options.onSaturated,
        remember: (call) => remembered.set(call),
      });
      if (way === 'write_first') optimism.wasRight();
      return results;
    } catch (cause) {
      if (cause instanceof GuardFailed) way = 'guard_failed';
      afterFailure(batch, cause);
      if (!leavesConnection(cause)) connection.drop(client);
      throw cause;
    } finally {
      options.onBatch?.(batch.length, (options.monotonicMs() - startedMs) / 1000, way);
    }
  };

  return (batch, onSent) => connection.use((client) => run(client, batch, onSent));
}

/** Whether a Check must not be written at the time that is expected: its plan is over, or time stands still. */
function isOutdated({ operation: { orgId }, plan }: Planned, time: OrganizationTime): boolean {
  if (time.standsStill(orgId)) return true;
  const nowMs = time.nowMs(orgId);
  const { fromMs = nowMs, untilMs = Infinity } = plan;
  return nowMs < fromMs || nowMs >= untilMs;
}

/** An error that the server answered, or one of our own, leaves the connection usable; any other does not. */
function leavesConnection(cause: unknown): boolean {
  if (cause instanceof LocalFault || cause instanceof GuardFailed) return true;
  return isRefusedByServer(cause);
}
