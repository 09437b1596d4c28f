/** How long this process itself did not run when it should have: bounds on times must allow for it. */
export interface Stalls {
  /** The longest stall, in milliseconds, since this was last read. */
  take(): number;
  stop(): void;
}

const beatMs = 20;

/** Begins to watch. */
export function watchStalls(): Stalls {
  let lastMs = performance.now();
  let longestMs = 0;
  const timer = setInterval(() => {
    const nowMs = performance.now();
    longestMs = Math.max(longestMs, nowMs - lastMs - beatMs);
    lastMs = nowMs;
  }, beatMs);
  return {
    take() {
      const taken = longestMs;
      longestMs = 0;
      return taken;
    },
    stop: () => clearInterval(timer),
  };
}
