/** So much at once, and so much each second. */
export interface TokenBucket {
  /** Takes one; whether there was one. */
  take(): boolean;
  /** How many there are. */
  level(): number;
}

/** A full bucket. */
export function createTokenBucket(
  perSecond: number,
  burst: number,
  nowMs: () => number = () => performance.now(),
): TokenBucket {
  let tokens = burst;
  let filledMs = nowMs();
  function level(): number {
    const atMs = nowMs();
    tokens = Math.min(burst, tokens + ((atMs - filledMs) * perSecond) / 1000);
    filledMs = atMs;
    return tokens;
  }
  return {
    level,
    take() {
      if (level() < 1) return false;
      tokens -= 1;
      return true;
    },
  };
}
