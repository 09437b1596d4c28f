import { ServiceError } from '../../platform/service-error.ts';
import { createFairQueue } from './fair-queue.ts';
import { createPlanner } from './planner.ts';
import type { OperationResult, Planned } from './planned.ts';
import type { LaneOptions } from './lane-options.ts';
import { createLockedOrganizations } from './locked-organizations.ts';
import { createRunner } from './runner.ts';
import type { Operation } from '../operations/operation.ts';
import { createFairShares } from '../../platform/fair-shares.ts';

/** The queues of some organizations and the loop that takes batches from them. */
export interface Lane {
  /** Refused as overloaded where the organization has its share of the lane's places already. */
  submit(operation: Operation): void;
  /** Operations accepted and not yet answered. */
  readonly depth: number;
  /** Resolves when everything accepted is answered. */
  drained(): Promise<void>;
}

/** Creates a lane. While a batch is at the database, new operations wait for the next batch. */
export function createLane(options: LaneOptions): Lane {
  const accepted = createFairShares(options.maxQueue);

  function fail(operation: Operation, cause: unknown): void {
    operation.reject(cause);
    accepted.leave(operation.orgId);
  }

  const planner = createPlanner({
    failure: options.failure,
    fail,
    planned(operation, plan) {
      if (plan === undefined) return accepted.leave(operation.orgId);
      run({ operation, plan, attempt: 'first' });
    },
  });

  function apply(planned: Planned, result: OperationResult): void {
    switch (result.kind) {
      case 'done':
        result.answer();
        return accepted.leave(planned.operation.orgId);
      case 'replan':
        return planner.again(planned.operation, result.known, result.epoch);
      case 'failed':
        return fail(planned.operation, result.cause);
    }
  }

  const run = createQueues(options, apply, () => accepted.taken);

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

/** The queue of all organizations, and beside it those that are locked: where to give an operation to be run. */
function createQueues(
  options: LaneOptions,
  apply: (planned: Planned, result: OperationResult) => void,
  accepted: () => number,
): (planned: Planned) => void {
  const queue = createFairQueue<Planned>(options.perOrganization);
  const transactions = new Set<Promise<unknown>>();

  const runBatch: LaneOptions['runBatch'] = (batch, onSent) => {
    const running = options.runBatch(batch, onSent).finally(() => transactions.delete(running));
    transactions.add(running);
    return running;
  };

  const locked = createLockedOrganizations({
    ...options,
    attempt: { ...options, runBatch: options.runLockedBatch },
    apply,
    release(operations) {
      for (const planned of operations) queue.push(planned);
      runner.wake();
    },
  });

  /** Operations of organizations that are known to be locked take no part in the batches of the others. */
  function divert(planned: Planned): boolean {
    if (!locked.has(planned.operation.orgId)) return false;
    locked.add(planned);
    return true;
  }

  const runner = createRunner({
    queue,
    attempt: { ...options, runBatch },
    maxBatch: options.maxBatch,
    apply,
    divert,
    accepted: () => accepted() - locked.waiting,
    async locked(batch, cause) {
      // Another batch of this lane may wait too: what it has locked would count as locked by another session.
      await Promise.allSettled(transactions);
      const others = await locked.setAside(batch, cause);
      return others.map((planned) => ({ ...planned, attempt: 'retried' }));
    },
  });

  return (planned) => {
    if (divert(planned)) return;
    queue.push(planned);
    runner.wake();
  };
}

/** The organization has as many operations waiting as it may. */
export function overloaded(): ServiceError {
  return new ServiceError('OVERLOADED', 'too many calls are waiting', {
    retryAfterMs: 100,
  });
}
