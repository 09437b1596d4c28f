import type { FindLocked } from './find-locked.ts';
import type { OperationResult, Planned } from './planned.ts';
import type { FindCall } from './planner.ts';

/** Runs operations in one transaction: one result each; throws when the transaction failed. */
export type RunBatch = (
  batch: readonly Planned[],
  onSent: () => void,
) => Promise<readonly OperationResult[]>;

/** What a lane needs. */
export interface LaneOptions {
  readonly maxBatch: number;
  readonly maxQueue: number;
  readonly runBatch: RunBatch;
  /** The same on another connection, for organizations that are locked by another session. */
  readonly runLockedBatch: RunBatch;
  readonly findLocked: FindLocked;
  /** How long a statement of a batch waits for a lock, milliseconds. */
  readonly lockTimeoutMs: number;
  /** The call as an operation is to be planned on. */
  readonly find: FindCall;
  /** Whether a failed transaction may be tried again as it was. */
  readonly isRetryable: (cause: unknown) => boolean;
  /** Whether it failed because a statement waited too long for a lock. */
  readonly isLocked: (cause: unknown) => boolean;
  /** Whether a statement took too long; it may have waited for the locks of several organizations in turn. */
  readonly isStatementTimeout: (cause: unknown) => boolean;
  /** Whether the failure lies in the data of one of the operations. */
  readonly isPoison: (cause: unknown) => boolean;
  /** The error that callers get for a failed transaction. */
  readonly failure: (cause: unknown) => unknown;
  /** Operations of one organization per batch, for a distributed PostgreSQL. */
  readonly perOrganization: boolean;
  readonly now: () => number;
  readonly onRefused: () => void;
  /** Called with an organization when it is found that another session has locked it. */
  readonly onLocked: (orgId: string) => void;
  /** By how many the organizations that are set aside, because they are locked or may be, have changed. */
  readonly onSetAside: (change: number) => void;
}
