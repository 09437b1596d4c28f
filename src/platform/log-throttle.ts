/** What limits how often the same thing is logged. */
export interface LogThrottleOptions {
  /** How long a key stays quiet after it was logged, milliseconds. */
  readonly intervalMs: number;
  /** Keys that may be logged in one interval; of more, none is until the first have had theirs. */
  readonly maxKeys: number;
  readonly monotonicMs: () => number;
}

/**
 * Says whether a key may be logged now: once per interval, and at most `maxKeys` of them. So neither the log nor
 * the memory grows with the number of calls or of keys.
 */
export function createLogThrottle(options: LogThrottleOptions): (key: string) => boolean {
  const { intervalMs, maxKeys, monotonicMs } = options;
  // In the order in which they were logged.
  const loggedMs = new Map<string, number>();

  function forgetBefore(ms: number): void {
    for (const [key, atMs] of loggedMs) {
      if (atMs > ms) return;
      loggedMs.delete(key);
    }
  }

  return (key) => {
    const nowMs = monotonicMs();
    forgetBefore(nowMs - intervalMs);
    if (loggedMs.has(key) || loggedMs.size >= maxKeys) return false;
    loggedMs.set(key, nowMs);
    return true;
  };
}
