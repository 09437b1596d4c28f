import type { Duplex } from 'node:stream';
import { Client } from 'pg';
import type { ClientConfig } from 'pg';
import type { StoreSockets } from './store-sockets.ts';

/** How a connection beside the pools is opened. */
export interface OpenClientOptions {
  readonly connectionString: string;
  readonly applicationName: string;
  readonly sockets: Pick<StoreSockets, 'open'>;
  /** For connecting, signing in and making ready together, milliseconds. */
  readonly connectTimeoutMs: number;
  readonly statementTimeoutMs: number;
  /** Several statements travel in one flight. */
  readonly pipeline?: boolean;
  /** Makes the connection ready; if it fails, the connection is closed. */
  readonly prepare?: (client: Client) => Promise<void>;
}

/**
 * Opens a connection. Its errors never end the process: what is under way fails with them, and so does whatever is
 * asked later. `onLost` is called once when the connection is lost, also while it is being prepared.
 */
export async function openClient(
  options: OpenClientOptions,
  onLost: () => void = ignore,
): Promise<Client> {
  const config: ClientConfig = {
    connectionString: options.connectionString,
    application_name: options.applicationName,
    statement_timeout: options.statementTimeoutMs,
    connectionTimeoutMillis: options.connectTimeoutMs,
    keepAlive: true,
    stream: () => options.sockets.open(),
    ...(options.pipeline === undefined ? {} : { pipeline: options.pipeline }),
  };
  const client = new Client(config);
  // Before it connects: a backend that is lost in between would otherwise end the process.
  client.on('error', onLost).on('end', onLost);
  // What is under way then fails: a connection may fall silent while it is made ready, too.
  const timer = setTimeout(() => destroyClient(client), options.connectTimeoutMs);
  try {
    await client.connect();
    await options.prepare?.(client);
    return client;
  } catch (cause) {
    destroyClient(client);
    throw cause;
  } finally {
    clearTimeout(timer);
  }
}

/** Closes a connection without a word: the server may not answer any more, and ends the session itself. */
export function destroyClient(client: Client): void {
  streamOf(client).destroy();
}

/** The socket of a connection, which `pg` keeps to itself. */
export function streamOf(client: Client): Duplex {
  const { connection } = client as unknown as { readonly connection: { readonly stream: Duplex } };
  return connection.stream;
}

function ignore(): void {
  // Nobody wants to know.
}
