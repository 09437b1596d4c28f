import { inTime } from './in-time.ts';

/** What must be undone, noted next to where it was done. */
export interface UndoList {
  /** Notes how to undo what was just done. */
  add(undo: () => void | Promise<void>): void;
  /**
   * Undoes everything in reverse order, whatever fails, and throws the first failure at the end. From the
   * deadline on (monotonic clock, milliseconds) no step is waited for: each that is left is only begun.
   */
  run(deadlineMs?: number): Promise<void>;
}

/** Starts an empty list. */
export function createUndoList(): UndoList {
  const undos: (() => void | Promise<void>)[] = [];
  return {
    add: (undo) => undos.push(undo),
    async run(deadlineMs = Infinity) {
      const failures: unknown[] = [];
      for (let undo = undos.pop(); undo !== undefined; undo = undos.pop()) {
        try {
          await begun(undo(), deadlineMs);
        } catch (cause) {
          failures.push(cause);
        }
      }
      if (failures.length > 0) throw failures[0];
    },
  };
}

async function begun(step: void | Promise<void>, deadlineMs: number): Promise<void> {
  if (step === undefined || deadlineMs === Infinity) return step;
  return inTime(step, Math.max(0, deadlineMs - performance.now()), tooLate);
}

function tooLate(): Error {
  return new Error('a step of stopping did not end in time');
}
