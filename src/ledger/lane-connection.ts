import type { Client } from 'pg';

/** One connection of a lane, made anew when it breaks. */
export interface LaneConnection {
  /** The connection, opened if there is none; concurrent callers share one attempt. */
  client(): Promise<Client>;
  /** Lets go of a connection that failed; the next call opens another. */
  drop(client: Client): void;
  close(): Promise<void>;
}

/** Keeps one connection open, by `connect`. */
export function createLaneConnection(connect: () => Promise<Client>): LaneConnection {
  let opening: Promise<Client> | undefined;
  let opened: Client | undefined;
  let isClosed = false;

  function forget(client: Promise<Client>): void {
    if (opening === client) opening = undefined;
  }

  function open(): Promise<Client> {
    const attempt = connect();
    opening = attempt;
    void attempt.then(
      (client) => {
        opened = client.on('error', () => forget(attempt)).on('end', () => forget(attempt));
        return client;
      },
      () => forget(attempt),
    );
    return attempt;
  }

  return {
    client() {
      if (isClosed) return Promise.reject(new Error('the ledger is closed'));
      return opening ?? open();
    },
    drop(client) {
      // Two batches may fail with one connection; the second must not drop its successor.
      if (opened === client) opening = undefined;
      // Nothing is lost by a failing goodbye: the server ends the transaction with the connection.
      client.end().catch(() => undefined);
    },
    async close() {
      isClosed = true;
      const client = await opening?.catch(() => undefined);
      await client?.end();
    },
  };
}
