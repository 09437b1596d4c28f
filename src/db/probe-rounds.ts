/** Rounds one after another, with a pause between them that ends early if somebody asks for one. */
export interface ProbeRounds {
  readonly isStopped: boolean;
  /** Runs until `stop`; each round gets whether it was requested. */
  run(round: (isRequested: boolean) => Promise<void>): Promise<void>;
  /** Resolves at the end of a round that begins after this. */
  ask(): Promise<void>;
  stop(): void;
}

/** Creates the rounds; `intervalMs` is the pause. */
export function createRounds(intervalMs: number): ProbeRounds {
  let requested: PromiseWithResolvers<void> | undefined;
  let wake: () => void = () => undefined;
  const stopping = new AbortController();

  function pause(): Promise<void> {
    return new Promise((done) => {
      setTimeout(done, intervalMs).unref();
      wake = done;
    });
  }

  return {
    get isStopped() {
      return stopping.signal.aborted;
    },
    async run(round) {
      while (!stopping.signal.aborted) {
        const answering = requested;
        requested = undefined;
        await round(answering !== undefined);
        answering?.resolve();
        if (requested === undefined && !stopping.signal.aborted) await pause();
      }
    },
    ask() {
      if (stopping.signal.aborted) return Promise.resolve();
      requested ??= Promise.withResolvers<void>();
      wake();
      return requested.promise;
    },
    stop() {
      stopping.abort();
      requested?.resolve();
      wake();
    },
  };
}
