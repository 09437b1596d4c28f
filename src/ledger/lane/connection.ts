import type { Duplex } from 'node:stream';
import type { Client } from 'pg';
import { watchSilence } from './connection-silence.ts';
import type { SilenceWatch } from './connection-silence.ts';

/** One connection of a lane, replaced when it breaks. */
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
  /**
   * Resolves when it is known whether the store is away; if it is, this connection has been cut. Asked when a
   * batch waits for longer than usual.
   */
  readonly probeStore?: (() => Promise<void>) | undefined;
}

/** Keeps one connection open. */
export function createLaneConnection(parts: LaneConnectionParts): LaneConnection {
  const { connect, streamOf } = parts;
  let opening: Promise<Client> | undefined;
  let opened: { readonly client: Client; readonly silence: SilenceWatch } | undefined;
  let isClosed = false;

  function open(): Promise<Client> {
    opening = connect();
    void ready(opening);
    return opening;
  }

  async function ready(attempt: Promise<Client>): Promise<void> {
    const forget = (): void => {
      if (opening === attempt) opening = undefined;
    };
    try {
      const client = await attempt;
      const onSilent = (cause: Error): void => drop(client, cause);
      const silence = watchSilence(streamOf(client), { ...parts, onSilent });
      client.on('error', forget).on('end', forget);
      client.on('end', () => silence.stop());
      opened = { client, silence };
    } catch {
      // Whoever waits for the attempt gets the cause.
      forget();
    }
  }

  function drop(client: Client, cause?: Error): void {
    // Two batches may fail with one connection; the second must not drop its successor.
    if (opened?.client === client) {
      opening = undefined;
      opened.silence.stop();
      opened = undefined;
    }
    // The server may not answer any more: nothing waits for it to say goodbye.
    streamOf(client).destroy(cause);
  }

  return {
    async use(work) {
      if (isClosed) throw new Error('the ledger is closed');
      const client = await (opening ?? open());
      const silence = opened?.client === client ? opened.silence : undefined;
      return silence === undefined ? work(client) : silence.during(() => work(client));
    },
    drop: (client) => drop(client),
    async close() {
      isClosed = true;
      const client = await opening?.catch(() => undefined);
      opened?.silence.stop();
      if (client !== undefined) streamOf(client).destroy();
    },
  };
}
