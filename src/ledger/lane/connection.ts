import type { Duplex } from 'node:stream';
import type { Client } from 'pg';

/** One connection of a lane, made anew when it breaks. */
export interface LaneConnection {
  /**
   * Runs a batch on the connection, which is opened if there is none; concurrent callers share one attempt.
   * If the server sends nothing for too long meanwhile, the connection is cut, and the batch fails.
   */
  use<Result>(work: (client: Client) => Promise<Result>): Promise<Result>;
  /** Lets go of a connection that failed; the next batch opens another. */
  drop(client: Client): void;
  close(): Promise<void>;
}

/** What a lane's connection is made of. */
export interface LaneConnectionParts {
  readonly connect: () => Promise<Client>;
  /** The socket of a connection. */
  readonly streamOf: (client: Client) => Duplex;
  /** How long the server may be silent while a batch waits for it, milliseconds. */
  readonly silenceMs: number;
}

/** Looks per silence that is allowed. */
const looks = 4;

/** Keeps one connection open. */
export function createLaneConnection(parts: LaneConnectionParts): LaneConnection {
  const { connect, streamOf, silenceMs } = parts;
  let opening: Promise<Client> | undefined;
  let opened: Watched | undefined;
  let isClosed = false;

  function open(): Promise<Client> {
    const attempt = connect();
    opening = attempt;
    const forget = (): void => {
      if (opening === attempt) opening = undefined;
    };
    void ready(attempt, forget);
    return attempt;
  }

  async function ready(attempt: Promise<Client>, forget: () => void): Promise<void> {
    try {
      const client = await attempt;
      client.on('error', forget).on('end', forget);
      opened = watchSilence(client, streamOf(client), silenceMs, () => drop(client));
    } catch {
      // Whoever waits for the attempt is told why.
      forget();
    }
  }

  function drop(client: Client): void {
    // Two batches may fail with one connection; the second must not drop its successor.
    if (opened?.client === client) {
      opening = undefined;
      opened.stop();
      opened = undefined;
    }
    // The server may not answer any more: nothing waits for it to say goodbye.
    streamOf(client).destroy();
  }

  return {
    async use(work) {
      if (isClosed) throw new Error('the ledger is closed');
      const client = await (opening ?? open());
      const watched = opened?.client === client ? opened : undefined;
      watched?.began();
      try {
        return await work(client);
      } finally {
        watched?.ended();
      }
    },
    drop,
    async close() {
      isClosed = true;
      const client = await opening?.catch(() => undefined);
      opened?.stop();
      if (client !== undefined) streamOf(client).destroy();
    },
  };
}

interface Watched {
  readonly client: Client;
  began(): void;
  ended(): void;
  stop(): void;
}

/** Tells when batches wait and nothing was received for so long. */
function watchSilence(
  client: Client,
  stream: Duplex,
  silenceMs: number,
  onSilent: () => void,
): Watched {
  let waiting = 0;
  let heardMs = performance.now();
  const hear = (): void => {
    heardMs = performance.now();
  };
  const isSilent = (): boolean => waiting > 0 && performance.now() - heardMs >= silenceMs;
  stream.on('data', hear);
  const timer = setInterval(() => {
    if (!isSilent()) return;
    // After a pause of this process the timer fires first: what has arrived meanwhile is read before it is judged.
    setImmediate(() => setImmediate(() => void (isSilent() && onSilent())));
  }, silenceMs / looks);
  timer.unref();
  return {
    client,
    began() {
      if (waiting === 0) hear();
      waiting += 1;
    },
    ended() {
      waiting -= 1;
    },
    stop: () => clearInterval(timer),
  };
}
