import type { OperationResult } from '../lane/planned.ts';

/** What became of a batch of the sweep. */
export interface SweepBatch {
  readonly results: readonly OperationResult[];
  /** How long it took, without the time that it waited for its locks. */
  readonly workMs: number;
}
