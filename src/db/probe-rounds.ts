/** Rounds one after another, with a pause between them that ends early if somebody asks for one. */
export interface ProbeRounds {
  readonly isStopped: boolean;
  /** Runs until `stop`; each round gets whether somebody asked for it. */
  run(round: (isAsked: boolean) => Promise<void>): Promise<void>;
  /** Resolves at the end of a round that begins after this. */
  ask(): Promise<void>;
  stop(): void;
}

/** Creates the rounds; `intervalMs` is the pause. */
export function createRounds(intervalMs: number): ProbeRounds {
  let asked: PromiseWithResolvers<void> | undefined;
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
        const answering = asked;
        asked = undefined;
        await round(answering !== undefined);
        answering?.resolve();
        if (asked === undefined && !stopping.signal.aborted) await pause();
      }
    },
    ask() {
      if (stopping.signal.aborted) return Promise.resolve();
      asked ??= Promise.withResolvers<void>();
      wake();
      return asked.promise;
    },
    stop() {
      stopping.abort();
      asked?.resolve();
      wake();
    },
  };
}
