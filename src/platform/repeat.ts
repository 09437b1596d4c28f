/** A job that is repeated until it is stopped. */
export interface Repetition {
  /** Starts no more rounds; resolves when the one under way has ended. */
  stop(): Promise<void>;
}

/** Runs a job at once and again `intervalMs` after each end; a failed round is reported and does not stop the job. */
export function repeat(
  job: () => Promise<unknown>,
  intervalMs: number,
  onFailure: (cause: unknown) => void,
): Repetition {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  async function round(): Promise<void> {
    try {
      await job();
    } catch (cause) {
      onFailure(cause);
    }
    if (isStopped) return;
    timer = setTimeout(() => {
      running = round();
    }, intervalMs);
    timer.unref();
  }
  let running = round();
  return {
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
