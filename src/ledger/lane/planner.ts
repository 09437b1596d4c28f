import { changingTooFast } from '../../platform/changing-too-fast.ts';
import type { KnownCall } from '../calls/known-call.ts';
import type { Operation, Plan } from '../operations/operation.ts';

/** The call that an operation is planned on; a promise where it must be read from the store. */
export type FindCall = (
  operation: Operation,
) => KnownCall | undefined | Promise<KnownCall | undefined>;

/** What a planner reports to its lane. */
export interface PlannerOptions {
  /** The error that callers get when the store fails. */
  readonly failure: (cause: unknown) => unknown;
  readonly fail: (operation: Operation, cause: unknown) => void;
  /** Without a plan there is nothing left to do. */
  readonly planned: (operation: Operation, plan: Plan | undefined) => void;
}

/** An operation whose beliefs proved old this often is given up: something changes faster than we read. */
const maxReplans = 50;

/** Plans operations, at once where all is known, and again when what they believed was old. */
export function createPlanner(lane: PlannerOptions) {
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
    first(operation: Operation, find: FindCall): void {
      const known = find(operation);
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
      else lane.fail(operation, changingTooFast('policies change faster than the call is decided'));
    },
  };
}
