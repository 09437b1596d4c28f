import type { Duplex } from 'node:stream';

/** Tells when work waits on a connection and nothing is received for too long. */
export interface SilenceWatch {
  /** Runs work that waits for the server. */
  during<Result>(work: () => Promise<Result>): Promise<Result>;
  stop(): void;
}

/** What is to be done about silence. */
export interface SilenceWatchParts {
  readonly silenceMs: number;
  /** Asked after a quarter of that time; `onSilent` waits for the answer. */
  readonly probeStore?: (() => Promise<void>) | undefined;
  readonly onSilent: (cause: Error) => void;
}

/** The connection was cut because it was silent, while the store is not known to be away. */
class ConnectionSilent extends Error {
  readonly code = 'CONNECTION_SILENT';
}

/** Looks per silence that is allowed. */
const looks = 8;
/** The part of that silence after which the store is probed. */
const unusual = 0.25;

/** Watches a socket: one timer, and the time of the last bytes. */
export function watchSilence(stream: Duplex, parts: SilenceWatchParts): SilenceWatch {
  const { silenceMs, probeStore, onSilent } = parts;
  let waiting = 0;
  let heardMs = performance.now();
  let probe: 'none' | 'underWay' | 'ended' = 'none';
  const hear = (): void => {
    heardMs = performance.now();
    probe = 'none';
  };
  const isSilentFor = (ms: number): boolean => waiting > 0 && performance.now() - heardMs >= ms;

  async function probeOnce(): Promise<void> {
    const startedMs = heardMs;
    probe = 'underWay';
    await probeStore?.();
    if (heardMs === startedMs) probe = 'ended';
  }

  function look(): void {
    if (isSilentFor(silenceMs * unusual) && probe === 'none') void probeOnce();
    if (!isSilentFor(silenceMs) || probe !== 'ended') return;
    // After a pause of this process the timer fires first: what has arrived meanwhile is read before it is judged.
    setImmediate(() => setImmediate(() => void (isSilentFor(silenceMs) && tell())));
  }

  function tell(): void {
    onSilent(new ConnectionSilent(`the server was silent for ${silenceMs} ms`));
  }

  stream.on('data', hear);
  const timer = setInterval(look, silenceMs / looks);
  timer.unref();
  return {
    async during(work) {
      if (waiting === 0) hear();
      waiting += 1;
      try {
        return await work();
      } finally {
        waiting -= 1;
      }
    },
    stop: () => clearInterval(timer),
  };
}
