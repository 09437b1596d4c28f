import type { Client } from 'pg';
import { destroyClient, openClient } from './open-client.ts';
import type { StoreSockets } from './store-sockets.ts';

/** Whether the store answers, as one connection of its own finds out. */
export interface StoreWatch {
  /** It refuses, is lost or is silent; true until it has answered once. */
  readonly isAway: boolean;
  /** Resolves when it has answered once. */
  readonly answered: Promise<void>;
  stop(): void;
}

/** What the watch is made of; times in milliseconds. */
export interface StoreWatchParts {
  readonly connectionString: string;
  readonly sockets: StoreSockets;
  /** How long the store may be silent. */
  readonly silenceMs: number;
  /** Between two probes. */
  readonly intervalMs: number;
  /** After this long a session of ours that waits in a transaction for its client is ended. */
  readonly idleInTransactionMs: number;
  readonly onChange: (isAway: boolean, cause: unknown) => void;
}

/**
 * Ends sessions of other replicas that may hold an organization's row while their client is silent. Servers before 17 have no
 * limit of their own for a client that stops in the middle of sending. Returns a row for each.
 */
const endStuckSessions = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
  AND application_name IN ('tollgate-lane', 'tollgate admin', 'tollgate jobs')
  AND xact_start IS NOT NULL AND wait_event = 'ClientRead'
  AND state_change < pg_catalog.clock_timestamp() - $1::int * interval '1 millisecond'`;

/**
 * Probes the store on a connection of its own. When the store has been silent for too long, every connection
 * of this process is destroyed: a frozen or unreachable server would otherwise keep its callers waiting.
 */
export function startStoreWatch(parts: StoreWatchParts): StoreWatch {
  const { promise: answered, resolve: hasAnswered } = Promise.withResolvers<void>();
  let client: Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isAway = true;
  let isStopped = false;

  function change(away: boolean, cause?: unknown): void {
    if (away === isAway || isStopped) return;
    isAway = away;
    parts.onChange(away, cause);
  }

  async function probe(): Promise<void> {
    try {
      client ??= await open(parts);
      const query = client.query(endStuckSessions, [parts.idleInTransactionMs]);
      await answerOf(query, parts.silenceMs);
      change(false);
      hasAnswered();
    } catch (cause) {
      const wasOpen = client !== undefined;
      if (client !== undefined) destroyClient(client);
      client = undefined;
      if (cause instanceof Silence) parts.sockets.destroyAll(cause);
      // A session that is ended says nothing of the server: only if no other one can be opened is it away.
      if (wasOpen && !(cause instanceof Silence)) return probe();
      change(true, cause);
    }
  }

  async function round(): Promise<void> {
    await probe();
    if (isStopped) return;
    timer = setTimeout(() => void round(), parts.intervalMs);
    timer.unref();
  }

  void round();
  return {
    get isAway() {
      return isAway;
    },
    answered,
    stop() {
      isStopped = true;
      clearTimeout(timer);
      if (client !== undefined) destroyClient(client);
    },
  };
}

function open({ connectionString, sockets, silenceMs }: StoreWatchParts): Promise<Client> {
  return openClient({
    connectionString,
    applicationName: 'tollgate watch of the store',
    sockets,
    connectTimeoutMs: silenceMs,
    statementTimeoutMs: silenceMs,
  });
}

/** No answer came in time. */
class Silence extends Error {
  readonly code = 'ETIMEDOUT';
}

/** The answer to a query, or `Silence`. */
async function answerOf(query: Promise<unknown>, silenceMs: number): Promise<void> {
  const { promise: silence, reject } = Promise.withResolvers<never>();
  const fail = (): void => reject(new Silence(`the store was silent for ${silenceMs} ms`));
  // After a pause of this process the timer fires first: what has arrived meanwhile is read before it is judged.
  const timer = setTimeout(() => setImmediate(() => setImmediate(fail)), silenceMs);
  try {
    await Promise.race([query, silence]);
  } finally {
    clearTimeout(timer);
    query.catch(() => undefined);
  }
}
