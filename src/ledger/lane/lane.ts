import { setImmediate as turn } from 'node:timers/promises';
import { ServiceError } from '../../platform/service-error.ts';
import { createFairQueue } from './fair-queue.ts';
import type { FairQueue, Taken } from './fair-queue.ts';
import { GuardFailed } from '../write-first/guard-failed.ts';
import { createPlanner } from './planner.ts';
import type { FindCall } from './planner.ts';
import type { Attempt, Fate, Planned } from './planned.ts';
import type { Operation } from '../operations/operation.ts';
import { createFairShares } from '../../platform/fair-shares.ts';

/** What a lane needs. */
export interface LaneOptions {
  readonly maxBatch: number;
  readonly maxQueue: number;
  /** One transaction for these operations, one fate each; throws when the transaction failed. */
  readonly runBatch: (batch: readonly Planned[], onSent: () => void) => Promise<readonly Fate[]>;
  /** The call as an operation is to be planned on. */
  readonly find: FindCall;
  /** Whether a failed transaction may be tried again as it was. */
  readonly isRetryable: (cause: unknown) => boolean;
  /** Whether the failure lies in the data of one of the operations. */
  readonly isPoison: (cause: unknown) => boolean;
  /** What callers are told of a failed transaction. */
  readonly failure: (cause: unknown) => unknown;
  /** Operations of one organization per batch, for a distributed PostgreSQL. */
  readonly perOrganization: boolean;
  readonly now: () => number;
  readonly onRefused: () => void;
}

/** The queues of some organizations and the loop that takes batches from them. */
export interface Lane {
  /** Refused as overloaded where the organization has its share of the lane's places already. */
  submit(operation: Operation): void;
  /** Operations accepted and not yet answered. */
  readonly depth: number;
  /** Resolves when everything accepted is answered. */
  drained(): Promise<void>;
}

/** Creates a lane. While a batch is at the database, what arrives gathers into the next. */
export function createLane(options: LaneOptions): Lane {
  const queue = createFairQueue<Planned>(options.perOrganization);
  const accepted = createFairShares(options.maxQueue);

  function fail(operation: Operation, cause: unknown): void {
    operation.reject(cause);
    accepted.leave(operation.orgId);
  }

  const planner = createPlanner({
    failure: options.failure,
    fail,
    planned(operation, plan) {
      if (plan === undefined) accepted.leave(operation.orgId);
      else queue.push({ operation, plan, attempt: 'first' });
      runner.wake();
    },
  });

  function apply(planned: Planned, fate: Fate): void {
    switch (fate.kind) {
      case 'done':
        fate.answer();
        return accepted.leave(planned.operation.orgId);
      case 'replan':
        return planner.again(planned.operation, fate.known, fate.epoch);
      case 'failed':
        return fail(planned.operation, fate.cause);
    }
  }

  const runner = createRunner(queue, options, apply, () => accepted.taken);

  return {
    get depth() {
      return accepted.taken;
    },
    drained: () => accepted.empty(),
    submit(operation) {
      if (!accepted.enter(operation.orgId)) {
        options.onRefused();
        operation.reject(overloaded());
        return;
      }
      planner.first(operation, options.find);
    },
  };
}

/** A batch is never split below this size; splitting smaller batches does not help. */
const smallBatch = 8;

/** Batches sent and not yet answered, at most: one that the database works on, and one that waits for it. */
const mostUnderWay = 2;

/** Takes batches from the queue for as long as there are any. */
function createRunner(
  queue: FairQueue<Planned>,
  options: LaneOptions,
  apply: Attempting['apply'],
  accepted: () => number,
) {
  let isRunning = false;
  const underWay = new Set<Promise<void>>();

  function wake(): void {
    if (!isRunning) void run();
  }

  /** What may be retried goes first: it waited longest. */
  const again = (batch: Taken<Planned>) => (operations: readonly Planned[]) => {
    batch.putBack(operations);
    wake();
  };

  /**
   * Half of what is under way, so that one half is at the database while the answers of the other go out
   * and their callers' next requests come in: all together they would wait for each other.
   */
  function most(): number {
    return Math.min(options.maxBatch, Math.max(smallBatch, Math.ceil(accepted() / 2)));
  }

  /** The next batch begins as soon as the commit of the one before is on its way: it will find it done or undone. */
  async function run(): Promise<void> {
    isRunning = true;
    while (queue.size > 0) {
      // What came in the same piece from the network goes into the same batch.
      await turn();
      const { promise: sent, resolve: onSent } = Promise.withResolvers<void>();
      const batch = queue.take(most());
      const attempting = attempt(batch.items, options, {
        apply,
        again: again(batch),
        onSent,
      }).finally(() => {
        underWay.delete(attempting);
        onSent();
      });
      underWay.add(attempting);
      await sent;
      if (underWay.size >= mostUnderWay) await Promise.race(underWay);
    }
    isRunning = false;
  }

  return { wake };
}

/** What a batch does to its lane. */
interface Attempting {
  readonly apply: (planned: Planned, fate: Fate) => void;
  readonly again: (batch: readonly Planned[]) => void;
  readonly onSent: () => void;
}

/** Runs a batch and gives each operation its fate; after a failure tries again what may pass. */
async function attempt(
  batch: readonly Planned[],
  options: LaneOptions,
  lane: Attempting,
): Promise<void> {
  const awaited: Planned[] = [];
  for (const planned of batch) {
    if (isAwaited(planned.operation, options)) awaited.push(planned);
    else lane.apply(planned, { kind: 'failed', cause: deadlineExceeded() });
  }
  if (awaited.length === 0) return;
  try {
    const fates = await options.runBatch(awaited, lane.onSent);
    for (const [index, planned] of awaited.entries()) {
      const missing = { kind: 'failed' as const, cause: new Error('an operation without a fate') };
      lane.apply(planned, fates[index] ?? missing);
    }
  } catch (cause) {
    afterFailure(awaited, cause, options, lane);
  }
}

/** Fails the operations of a batch that failed, or runs them again in the way that may succeed. */
function afterFailure(
  batch: readonly Planned[],
  cause: unknown,
  options: LaneOptions,
  lane: Attempting,
): void {
  const again: Planned[] = [];
  for (const planned of batch) {
    const attempt = nextAttempt(planned, batch.length, cause, options);
    if (attempt === undefined) {
      lane.apply(planned, { kind: 'failed', cause: options.failure(cause) });
    } else {
      again.push({ ...planned, attempt });
    }
  }
  lane.again(again);
}

/** Undefined: there is none. */
function nextAttempt(
  { attempt }: Planned,
  size: number,
  cause: unknown,
  options: LaneOptions,
): Attempt | undefined {
  if (cause instanceof GuardFailed) return 'decideFirst';
  if (options.isPoison(cause)) return size > 1 ? 'alone' : undefined;
  const isNew = attempt === 'first' || attempt === 'decideFirst';
  return isNew && options.isRetryable(cause) ? 'retried' : undefined;
}

function isAwaited({ deadlineMs }: Operation, options: LaneOptions): boolean {
  return deadlineMs === undefined || deadlineMs > options.now();
}

/** The organization has as many operations waiting as it may. */
export function overloaded(): ServiceError {
  return new ServiceError('RESOURCE_EXHAUSTED', 'OVERLOADED', 'too many calls are waiting', {
    retryAfterMs: 100,
  });
}

function deadlineExceeded(): ServiceError {
  return new ServiceError(
    'DEADLINE_EXCEEDED',
    'DEADLINE_EXCEEDED',
    'the deadline passed in the queue',
  );
}
