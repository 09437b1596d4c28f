import type { SweepPiece } from './piece.ts';
import type { StuckHold } from './plan.ts';

/** What a pass did. */
export interface SweepPass {
  readonly ended: number;
  /** Holds that are due and cannot be ended. */
  readonly stuck: number;
  /** The first of those that were tried in this pass. */
  readonly examples: readonly StuckHold[];
}

/** Adds up what the pieces of a pass did. */
export interface SweepTally {
  add(piece: SweepPiece): void;
  pass(): SweepPass;
}

const maxExamples = 3;

/** Starts at nothing; `onEnded` is called for each piece that ended holds. */
export function createSweepTally(onEnded?: (holds: number) => void): SweepTally {
  let ended = 0;
  let stuck = 0;
  const examples: StuckHold[] = [];
  return {
    add(piece) {
      ended += piece.ended;
      stuck += piece.stuck.length + piece.resting;
      examples.push(...piece.stuck.slice(0, maxExamples - examples.length));
      if (piece.ended > 0) onEnded?.(piece.ended);
    },
    pass: () => ({ ended, stuck, examples }),
  };
}
