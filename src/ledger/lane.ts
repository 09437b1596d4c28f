import { ServiceError } from '../platform/service-error.ts';
import type { KnownCall } from './known-call.ts';
import type { Operation, Plan } from './operation.ts';

/** An operation with its plan, waiting for a batch. */
export interface Planned {
  readonly operation: Operation;
  readonly plan: Plan;
  /** Whether it was tried in a batch that failed. */
  readonly retried: boolean;
  /** It goes alone: the batch that failed had a fault in the data of one of its operations. */
  readonly alone: boolean;
}

/** What became of one planned operation in a batch. */
export type Fate =
  | { readonly kind: 'done'; readonly answer: () => void }
  | { readonly kind: 'replan'; readonly known: KnownCall | undefined; readonly epoch: number }
  | { readonly kind: 'failed'; readonly cause: unknown };

/** What a lane needs. */
export interface LaneOptions {
  readonly maxBatch: number;
  readonly maxQueue: number;
  /** One transaction for these operations, one fate each; throws when the transaction failed. */
  readonly runBatch: (batch: readonly Planned[], onSent: () => void) => Promise<readonly Fate[]>;
  /** The call as it is known here or in the database. */
  readonly find: (
    orgId: string,
    requestId: string,
  ) => KnownCall | undefined | Promise<KnownCall | undefined>;
  /** Whether a failed transaction may be tried again as it was. */
  readonly isRetryable: (cause: unknown) => boolean;
  /** Whether the failure lies in the data of one of the operations. */
  readonly isPoison: (cause: unknown) => boolean;
  /** What callers are told of a failed transaction. */
  readonly failure: (cause: unknown) => ServiceError;
  /** Operations of one organization per batch, for a distributed PostgreSQL. */
  readonly perOrganization: boolean;
  readonly now: () => number;
  readonly onRefused: () => void;
}

/** The queue of some organizations and the loop that takes batches from it, one at a time. */
export interface Lane {
  submit(operation: Operation): void;
  /** Operations accepted and not yet answered. */
  readonly depth: number;
  /** Resolves when everything accepted is answered. */
  drained(): Promise<void>;
}

/** Creates a lane. While a batch is at the database, what arrives gathers into the next. */
export function createLane(options: LaneOptions): Lane {
  const queue: Planned[] = [];
  const accepted = countAccepted();

  function fail(operation: Operation, cause: unknown): void {
    operation.reject(cause);
    accepted.leave();
  }

  const planner = createPlanner({
    failure: options.failure,
    fail,
    planned(operation, plan) {
      if (plan === undefined) accepted.leave();
      else queue.push({ operation, plan, retried: false, alone: false });
      runner.wake();
    },
  });

  function apply(planned: Planned, fate: Fate): void {
    switch (fate.kind) {
      case 'done':
        fate.answer();
        return accepted.leave();
      case 'replan':
        return planner.again(planned.operation, fate.known, fate.epoch);
      case 'failed':
        return fail(planned.operation, fate.cause);
    }
  }

  const runner = createRunner(queue, options, apply);

  return {
    get depth() {
      return accepted.count();
    },
    drained: () => accepted.none(),
    submit(operation) {
      if (accepted.count() >= options.maxQueue) {
        options.onRefused();
        operation.reject(overloaded());
        return;
      }
      accepted.enter();
      planner.first(operation, options.find);
    },
  };
}

/** Takes batches from the queue, one transaction at a time, for as long as there are any. */
function createRunner(queue: Planned[], options: LaneOptions, apply: Attempting['apply']) {
  let isRunning = false;

  function wake(): void {
    if (!isRunning) void run();
  }

  /** What may pass goes again, first in the queue: nothing is sent into another batch's transaction. */
  function again(batch: readonly Planned[]): void {
    queue.unshift(...batch);
    wake();
  }

  /** The next batch begins as soon as the commit of the one before is on its way: it will find it done. */
  async function run(): Promise<void> {
    isRunning = true;
    while (queue.length > 0) {
      const { promise: sent, resolve: onSent } = Promise.withResolvers<void>();
      void attempt(takeBatch(queue, options), options, { apply, again, onSent }).finally(onSent);
      await sent;
    }
    isRunning = false;
  }

  return { wake };
}

/** Counts what was accepted and not yet answered. */
function countAccepted() {
  let count = 0;
  let waiting: (() => void)[] = [];
  return {
    count: () => count,
    enter() {
      count += 1;
    },
    leave() {
      count -= 1;
      if (count > 0) return;
      for (const resolve of waiting) resolve();
      waiting = [];
    },
    none(): Promise<void> {
      if (count === 0) return Promise.resolve();
      return new Promise((resolve) => {
        waiting.push(resolve);
      });
    },
  };
}

/** An operation whose beliefs proved old this often is given up: something changes faster than we read. */
const maxReplans = 50;

/** Plans operations, at once where all is known, and again when what they believed was old. */
function createPlanner(lane: {
  readonly failure: LaneOptions['failure'];
  readonly fail: (operation: Operation, cause: unknown) => void;
  readonly planned: (operation: Operation, plan: Plan | undefined) => void;
}) {
  const replans = new WeakMap<Operation, number>();

  function plan(operation: Operation, known: KnownCall | undefined, epoch: number): void {
    try {
      const made = operation.plan(known, epoch);
      if (!(made instanceof Promise)) return lane.planned(operation, made);
      made.then(
        (later) => lane.planned(operation, later),
        (cause: unknown) => lane.fail(operation, cause),
      );
    } catch (cause) {
      lane.fail(operation, cause);
    }
  }

  return {
    first(operation: Operation, find: LaneOptions['find']): void {
      if (!operation.needsCall) return plan(operation, undefined, 0);
      const known = find(operation.orgId, operation.requestId);
      if (!(known instanceof Promise)) return plan(operation, known, 0);
      known.then(
        (found) => plan(operation, found, 0),
        (cause: unknown) => lane.fail(operation, lane.failure(cause)),
      );
    },
    again(operation: Operation, known: KnownCall | undefined, epoch: number): void {
      const times = (replans.get(operation) ?? 0) + 1;
      replans.set(operation, times);
      if (times <= maxReplans) plan(operation, known, epoch);
      else lane.fail(operation, lane.failure(new Error('planned too often')));
    },
  };
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
  const awaited = batch.filter(({ operation }) => isAwaited(operation, options));
  for (const planned of batch) {
    if (!awaited.includes(planned))
      lane.apply(planned, { kind: 'failed', cause: deadlineExceeded() });
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

/** Alone, if one of them is at fault; together and once more, if nobody is. */
function afterFailure(
  batch: readonly Planned[],
  cause: unknown,
  options: LaneOptions,
  lane: Attempting,
): void {
  const isPoison = options.isPoison(cause) && batch.length > 1;
  const mayRetry = ({ retried }: Planned): boolean =>
    isPoison || (options.isRetryable(cause) && !retried);
  for (const planned of batch) {
    if (!mayRetry(planned)) lane.apply(planned, { kind: 'failed', cause: options.failure(cause) });
  }
  const retried = { retried: true, alone: isPoison };
  lane.again(batch.filter(mayRetry).map((planned) => ({ ...planned, ...retried })));
}

function isAwaited({ deadlineMs }: Operation, options: LaneOptions): boolean {
  return deadlineMs === undefined || deadlineMs > options.now();
}

/** Takes from the front what may go together: each request id once, and one organization if so set. */
function takeBatch(queue: Planned[], options: LaneOptions): Planned[] {
  const taken: Planned[] = [];
  const left: Planned[] = [];
  const ids = new Set<string>();
  for (const planned of queue) {
    const { orgId, requestId } = planned.operation;
    const id = `${orgId}\n${requestId}`;
    const fits =
      taken.length < options.maxBatch &&
      !ids.has(id) &&
      (taken.length === 0 || !(planned.alone || taken[0]?.alone === true)) &&
      (!options.perOrganization || (taken[0]?.operation.orgId ?? orgId) === orgId);
    if (fits) ids.add(id);
    (fits ? taken : left).push(planned);
  }
  queue.splice(0, queue.length, ...left);
  return taken;
}

function overloaded(): ServiceError {
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
