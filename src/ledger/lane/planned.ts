import type { KnownCall } from '../calls/known-call.ts';
import type { Operation, Plan } from '../operations/operation.ts';

/**
 * How an operation is run. `first`: it may be written before it is decided. `decideFirst`: that was tried, and
 * a guard failed. `retried`: its batch failed, and is run once more. `alone`: its batch failed for what one of
 * the operations carries, and each is run in a batch of its own.
 */
export type Attempt = 'first' | 'decideFirst' | 'retried' | 'alone';

/** An operation with its plan, waiting for a batch. */
export interface Planned {
  readonly operation: Operation;
  readonly plan: Plan;
  readonly attempt: Attempt;
}

/** The result of one planned operation of a batch. */
export type OperationResult =
  | { readonly kind: 'done'; readonly answer: () => void }
  | { readonly kind: 'replan'; readonly known: KnownCall | undefined; readonly epoch: number }
  | { readonly kind: 'failed'; readonly cause: unknown };
