import type { Client } from 'pg';
import { inTime } from '../platform/in-time.ts';
import { firstToOpen } from './first-to-open.ts';
import { destroyClient, openClient } from './open-client.ts';
import type { OpenClientOptions } from './open-client.ts';
import { StoreReadOnly, StoreSilent } from './store-faults.ts';

/** The connection of the probe, which is opened when it is needed. */
export interface ProbeConnection {
  readonly isOpen: boolean;
  /** Asks whether the store may be written. Throws `StoreReadOnly`, `StoreSilent`, or what `pg` throws. */
  ask(hungPids: readonly number[]): Promise<ProbeAnswer>;
  /** Leaves the connection to the caller; another one is opened when it is needed. */
  detach(): void;
  close(): void;
}

/** What the store answered. */
export interface ProbeAnswer {
  readonly client: Client;
  /** The server process of the connection. */
  readonly pid: number;
  /** How many of the server processes that were asked about are still at work. */
  readonly hung: number;
}

/** How the connection is opened; times in milliseconds. */
export interface ProbeConnectionParts {
  readonly connectionString: string;
  readonly sockets: OpenClientOptions['sockets'];
  /** How long the store may be silent: half of it for connecting, and half for each answer. */
  readonly silenceMs: number;
}

/** Attempts to connect that begin within the time that the store may be silent. */
const attempts = 8;

/** A session may not write on a standby, or where the database is set so. */
const question = `SELECT pg_backend_pid() AS pid,
  pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean AS "readOnly",
  (SELECT count(*)::int FROM pg_stat_activity WHERE pid = ANY ($1::int[]) AND state = 'active') AS hung`;

interface Answer {
  readonly pid: number;
  readonly readOnly: boolean;
  readonly hung: number;
}

/** Opens nothing yet. */
export function createProbeConnection(parts: ProbeConnectionParts): ProbeConnection {
  const halfMs = parts.silenceMs / 2;
  let client: Client | undefined;

  function openOnce(): Promise<Client> {
    return openClient({
      connectionString: parts.connectionString,
      applicationName: 'tollgate watch of the store',
      sockets: parts.sockets,
      connectTimeoutMs: halfMs,
      statementTimeoutMs: parts.silenceMs,
    });
  }

  const open = (): Promise<Client> =>
    firstToOpen({ open: openOnce, everyMs: parts.silenceMs / attempts });

  return {
    get isOpen() {
      return client !== undefined;
    },
    async ask(hungPids) {
      const connection = (client ??= await open());
      const { rows } = await answerOf(connection.query<Answer>(question, [hungPids]), halfMs);
      const [row] = rows;
      if (row === undefined) throw new Error('the store answered without a row');
      if (row.readOnly) throw new StoreReadOnly('the store may not be written');
      return { client: connection, pid: row.pid, hung: row.hung };
    },
    detach() {
      client = undefined;
    },
    close() {
      if (client !== undefined) destroyClient(client);
      client = undefined;
    },
  };
}

/** The answer to a query, or `StoreSilent`. */
export function answerOf<Result>(query: Promise<Result>, silenceMs: number): Promise<Result> {
  const silent = () => new StoreSilent(`the store was silent for ${silenceMs} ms`);
  return inTime(query, silenceMs, silent);
}
