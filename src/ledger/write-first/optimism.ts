/** Whether batches are worth writing first, from how it went. */
export interface Optimism {
  /** Asked for each batch that could be; counts it. */
  isWarranted(): boolean;
  wasRight(): void;
  wasWrong(): void;
}

/** So many batches are decided first at most before the next is written first again. */
const longestPause = 64;

/**
 * After a batch that was not as foreseen some are decided first: one, and twice as many each time it happens
 * again. So calls that keep meeting limits for the first time cost little more than if none were written first.
 */
export function createOptimism(): Optimism {
  let pause = 0;
  let left = 0;
  return {
    isWarranted() {
      if (left === 0) return true;
      left -= 1;
      return false;
    },
    wasRight() {
      pause = Math.floor(pause / 2);
    },
    wasWrong() {
      pause = Math.min(longestPause, Math.max(1, pause * 2));
      left = pause;
    },
  };
}
