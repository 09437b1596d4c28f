import { setImmediate as giveTurn } from 'node:timers/promises';

/** Divides a long computation, so that the event loop answers others in between. */
export interface Slices {
  /** Whether the computation has used up its slice: then `rest` should be awaited before it goes on. */
  isDue(): boolean;
  /** Gives others their turn. Throws what `check` throws. */
  rest(): Promise<void>;
}

/** Slices of `budgetMs`, measured from the end of the last rest; `check` throws when the work is no longer wanted. */
export function createSlices(budgetMs: number, check: () => void): Slices {
  let startedMs = performance.now();
  return {
    isDue: () => performance.now() - startedMs >= budgetMs,
    async rest() {
      await giveTurn();
      check();
      startedMs = performance.now();
    },
  };
}
