/** So much at once, and so much each second. */
export interface TokenBucket {
  /** Takes one, or a part of one; whether there was so much. */
  take(amount?: number): boolean;
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
    take(amount = 1) {
      if (level() < amount) return false;
      tokens -= amount;
      return true;
    },
  };
}
