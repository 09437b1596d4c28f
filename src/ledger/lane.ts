import { ServiceError } from '../platform/service-error.ts';
import type { KnownCall } from './known-call.ts';
import type { Operation, Plan } from './operation.ts';

/** An operation with its plan, waiting for a batch. */
export interface Planned {
  readonly operation: Operation;
  readonly plan: Plan;
  /** Whether it was tried in a batch that failed. */
  readonly retried: boolean;
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
  runBatch(batch: readonly Planned[]): Promise<readonly Fate[]>;
  /** The call as it is known here or in the database. */
  find(orgId: string, requestId: string): KnownCall | undefined | Promise<KnownCall | undefined>;
  /** Whether a failed transaction may be tried again as it was. */
  isRetryable(cause: unknown): boolean;
  /** Whether the failure lies in the data of one of the operations. */
  isPoison(cause: unknown): boolean;
  /** What callers are told of a failed transaction. */
  failure(cause: unknown): ServiceError;
  /** Operations of one organization per batch, for a distributed PostgreSQL. */
  readonly perOrganization: boolean;
  readonly now: () => number;
  onRefused(): void;
}

/** The queue of some organizations and the loop that takes batches from it, one at a time. */
export interface Lane {
  submit(operation: Operation): void;
  /** Operations accepted and not yet answered. */
  readonly depth: number;
  /** Resolves when everything accepted is answered. */
  drained(): Promise<void>;
}

const maxReplans = 50;

/** Creates a lane. While a batch is at the database, what arrives gathers into the next. */
export function createLane(options: LaneOptions): Lane {
  const queue: Planned[] = [];
  const replans = new WeakMap<Operation, number>();
  let depth = 0;
  let isRunning = false;
  let whenDrained: (() => void)[] = [];

  function finish(): void {
    depth -= 1;
    if (depth > 0) return;
    for (const resolve of whenDrained) resolve();
    whenDrained = [];
  }

  function fail(operation: Operation, cause: unknown): void {
    operation.reject(cause);
    finish();
  }

  function enqueue(operation: Operation, plan: Plan | undefined): void {
    if (plan === undefined) {
      finish();
      return;
    }
    queue.push({ operation, plan, retried: false });
    if (!isRunning) void run();
  }

  function planWith(operation: Operation, known: KnownCall | undefined, epoch: number): void {
    try {
      const plan = operation.plan(known, epoch);
      if (!(plan instanceof Promise)) return enqueue(operation, plan);
      plan.then(
        (made) => enqueue(operation, made),
        (cause: unknown) => fail(operation, cause),
      );
    } catch (cause) {
      fail(operation, cause);
    }
  }

  function replan(operation: Operation, known: KnownCall | undefined, epoch: number): void {
    const times = (replans.get(operation) ?? 0) + 1;
    replans.set(operation, times);
    if (times > maxReplans) fail(operation, options.failure(new Error('planned too often')));
    else planWith(operation, known, epoch);
  }

  function apply(batch: readonly Planned[], fates: readonly Fate[]): void {
    for (const [index, { operation }] of batch.entries()) {
      const fate = fates[index];
      if (fate?.kind === 'done') {
        fate.answer();
        finish();
      } else if (fate?.kind === 'replan') {
        replan(operation, fate.known, fate.epoch);
      } else {
        fail(operation, fate?.cause ?? new Error('an operation without a fate'));
      }
    }
  }

  async function attempt(batch: readonly Planned[]): Promise<void> {
    try {
      apply(batch, await options.runBatch(batch));
    } catch (cause) {
      await afterFailure(batch, cause);
    }
  }

  /** Tries again what may pass: alone if one of them is at fault, together if nobody is. */
  async function afterFailure(batch: readonly Planned[], cause: unknown): Promise<void> {
    const isPoison = options.isPoison(cause) && batch.length > 1;
    const mayRetry = isPoison || options.isRetryable(cause);
    const again = batch.filter(
      ({ operation, retried }) => mayRetry && !(retried && !isPoison) && isAwaited(operation),
    );
    const ended = batch.filter((planned) => !again.includes(planned));
    for (const { operation } of ended) fail(operation, options.failure(cause));
    const marked = again.map((planned) => ({ ...planned, retried: true }));
    if (!isPoison) {
      if (marked.length > 0) await attempt(marked);
      return;
    }
    for (const alone of marked) await attempt([alone]);
  }

  function isAwaited(operation: Operation): boolean {
    return operation.deadlineMs === undefined || operation.deadlineMs > options.now();
  }

  async function run(): Promise<void> {
    isRunning = true;
    while (queue.length > 0) {
      const batch = takeBatch(queue, options);
      const awaited = batch.filter(({ operation }) => isAwaited(operation));
      for (const late of batch)
        if (!awaited.includes(late)) fail(late.operation, deadlineExceeded());
      if (awaited.length > 0) await attempt(awaited);
    }
    isRunning = false;
  }

  return {
    get depth() {
      return depth;
    },
    submit(operation) {
      if (depth >= options.maxQueue) {
        options.onRefused();
        operation.reject(overloaded());
        return;
      }
      depth += 1;
      if (!operation.needsCall) return planWith(operation, undefined, 0);
      const known = options.find(operation.orgId, operation.requestId);
      if (!(known instanceof Promise)) return planWith(operation, known, 0);
      known.then(
        (found) => planWith(operation, found, 0),
        (cause: unknown) => fail(operation, options.failure(cause)),
      );
    },
    drained() {
      if (depth === 0) return Promise.resolve();
      return new Promise((resolve) => whenDrained.push(resolve));
    },
  };
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
