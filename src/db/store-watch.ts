import type { Client } from 'pg';
import { inTime } from '../platform/in-time.ts';
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
  /** Told once when stuck sessions cannot be ended, for want of permission say. */
  readonly onCannotEnd: (cause: unknown) => void;
}

/** Whether a session may write: it may not on a standby, or where the database is set so. */
const isReadOnly = `SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean AS "readOnly"`;

/**
 * Ends sessions of other replicas that may hold an organization's row while their client is silent. Servers
 * before 17 have no limit of their own for a client that stops in the middle of sending.
 */
const endStuckSessions = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
  AND application_name IN ('tollgate-lane', 'tollgate admin', 'tollgate jobs')
  AND xact_start IS NOT NULL AND wait_event = 'ClientRead'
  AND state_change < pg_catalog.clock_timestamp() - $1::int * interval '1 millisecond'`;

/**
 * Probes the store on a connection of its own. If that one is lost or silent, another one is tried before
 * anything is concluded, each for half of the time. When the store has been silent for too long, or may not be
 * written, every connection of this process is destroyed: its callers would otherwise keep waiting.
 */
export function startStoreWatch(parts: StoreWatchParts): StoreWatch {
  const { promise: answered, resolve: hasAnswered } = Promise.withResolvers<void>();
  const probe = createProbe(parts);
  let timer: NodeJS.Timeout | undefined;
  let isAway = true;
  let isStopped = false;

  function change(away: boolean, cause?: unknown): void {
    if (away === isAway || isStopped) return;
    isAway = away;
    parts.onChange(away, cause);
  }

  async function round(): Promise<void> {
    const failure = await probe.run();
    if (failure === undefined) {
      change(false);
      hasAnswered();
    } else if (!hasNoSlot(failure)) {
      if (cutsAll(failure)) parts.sockets.destroyAll(failure);
      change(true, failure);
    }
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
      probe.close();
    },
  };
}

/** Asks the store on the connection that is open, else on a new one. */
function createProbe(parts: StoreWatchParts) {
  const halfMs = parts.silenceMs / 2;
  let client: Client | undefined;
  let cannotEnd = false;

  async function ask(): Promise<void> {
    client ??= await openClient({
      connectionString: parts.connectionString,
      applicationName: 'tollgate watch of the store',
      sockets: parts.sockets,
      connectTimeoutMs: halfMs,
      statementTimeoutMs: parts.silenceMs,
    });
    const { rows } = await answerOf(client.query<{ readOnly: boolean }>(isReadOnly), halfMs);
    if (rows[0]?.readOnly === true) throw new ReadOnly('the store may not be written');
    if (!cannotEnd) await answerOf(endStuck(client), halfMs);
  }

  async function endStuck(open: Client): Promise<void> {
    try {
      await open.query(endStuckSessions, [parts.idleInTransactionMs]);
    } catch (cause) {
      // An answer all the same; anything else says that the connection is lost.
      if (!(cause instanceof Error && 'severity' in cause && cause.severity === 'ERROR'))
        throw cause;
      cannotEnd = true;
      parts.onCannotEnd(cause);
    }
  }

  function close(): void {
    if (client !== undefined) destroyClient(client);
    client = undefined;
  }

  /** Asks once; what was wrong. */
  async function tryOnce(): Promise<Error | undefined> {
    try {
      await ask();
      return undefined;
    } catch (cause) {
      close();
      return cause instanceof Error ? cause : new Error(String(cause));
    }
  }

  return {
    close,
    /** Undefined: the store answers and may be written. */
    async run(): Promise<Error | undefined> {
      const wasOpen = client !== undefined;
      const failure = await tryOnce();
      // The end of one session says nothing of the server.
      return failure !== undefined && wasOpen ? tryOnce() : failure;
    },
  };
}

/** No answer came in time. */
class Silence extends Error {
  readonly code = 'ETIMEDOUT';
}

/** The answer to a query, or `Silence`. */
function answerOf<Answer>(query: Promise<Answer>, silenceMs: number): Promise<Answer> {
  return inTime(query, silenceMs, () => new Silence(`the store was silent for ${silenceMs} ms`));
}

/** The server is a standby, or its database is set to be read only. */
class ReadOnly extends Error {
  readonly code = '25006';
}

/** Whether open connections are of no use any more. */
function cutsAll(failure: Error): boolean {
  const isConnectTimeout = /Connection terminated|timeout expired/.test(failure.message);
  return failure instanceof Silence || failure instanceof ReadOnly || isConnectTimeout;
}

/** The server answers, but has no room for one more session. */
function hasNoSlot(failure: Error): boolean {
  return 'code' in failure && failure.code === '53300';
}
