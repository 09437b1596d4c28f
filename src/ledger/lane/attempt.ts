import { ServiceError } from '../../platform/service-error.ts';
import type { Operation } from '../operations/operation.ts';
import { GuardFailed } from '../write-first/guard-failed.ts';
import type { LaneOptions } from './lane-options.ts';
import type { Attempt, OperationResult, Planned } from './planned.ts';
import { organizationsOf } from './organizations-of.ts';

/** What runs the operations of a lane, and what it asks when they fail. */
export type AttemptOptions = Pick<
  LaneOptions,
  'runBatch' | 'isRetryable' | 'isPoison' | 'isLocked' | 'isStatementTimeout' | 'failure' | 'now'
>;

/** Where the results of a batch go. */
export interface AttemptResults {
  readonly apply: (planned: Planned, result: OperationResult) => void;
  /** Operations to be run in another batch. */
  readonly again: (batch: readonly Planned[]) => void;
  /** The batch waited too long for a lock: some of its organizations are locked by another session. */
  readonly locked: (batch: readonly Planned[], cause: unknown) => Promise<void> | void;
  readonly onSent: () => void;
}

/** Runs a batch and gives each operation its result; after a failure tries again what may pass. */
export async function attempt(
  batch: readonly Planned[],
  options: AttemptOptions,
  results: AttemptResults,
): Promise<void> {
  const awaited: Planned[] = [];
  for (const planned of batch) {
    if (isAwaited(planned.operation, options)) awaited.push(planned);
    else results.apply(planned, { kind: 'failed', cause: deadlineExceeded() });
  }
  if (awaited.length === 0) return;
  try {
    const operationResults = await options.runBatch(awaited, results.onSent);
    for (const [index, planned] of awaited.entries()) {
      const missing = {
        kind: 'failed' as const,
        cause: new Error('an operation without a result'),
      };
      results.apply(planned, operationResults[index] ?? missing);
    }
  } catch (cause) {
    if (hasWaitedForLocks(awaited, cause, options)) await results.locked(awaited, cause);
    else afterFailure(awaited, cause, options, results);
  }
}

/**
 * A statement that takes too long may have waited for one organization after another, for each less than a lock
 * timeout. That is why a batch of several is treated like one that met a lock; of one organization it is just slow.
 */
function hasWaitedForLocks(
  batch: readonly Planned[],
  cause: unknown,
  { isLocked, isStatementTimeout }: AttemptOptions,
): boolean {
  return isLocked(cause) || (isStatementTimeout(cause) && organizationsOf(batch).size > 1);
}

/** Fails the operations of a batch that failed, or runs them again in the way that may succeed. */
function afterFailure(
  batch: readonly Planned[],
  cause: unknown,
  options: AttemptOptions,
  results: AttemptResults,
): void {
  const again: Planned[] = [];
  for (const planned of batch) {
    const next = nextAttempt(planned, batch.length, cause, options);
    if (next === undefined) {
      results.apply(planned, { kind: 'failed', cause: options.failure(cause) });
    } else {
      again.push({ ...planned, attempt: next });
    }
  }
  results.again(again);
}

/** Undefined: there is none. */
function nextAttempt(
  { attempt: last }: Planned,
  size: number,
  cause: unknown,
  options: AttemptOptions,
): Attempt | undefined {
  if (cause instanceof GuardFailed) return 'decideFirst';
  if (options.isPoison(cause)) return size > 1 ? 'alone' : undefined;
  const isNew = last === 'first' || last === 'decideFirst';
  return isNew && options.isRetryable(cause) ? 'retried' : undefined;
}

function isAwaited({ deadlineMs }: Operation, options: AttemptOptions): boolean {
  return deadlineMs === undefined || deadlineMs > options.now();
}

function deadlineExceeded(): ServiceError {
  return new ServiceError('DEADLINE_EXCEEDED', 'the deadline passed in the queue');
}
