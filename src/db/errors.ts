import { invalidFields, ServiceError } from '../platform/service-error.ts';

/** What an SQLSTATE means to whoever ran the statement. */
export interface StoreFault {
  readonly meaning: string;
  /** The transaction is known to have left nothing behind, and may succeed when it is repeated. */
  readonly retryable: boolean;
  /** How long to wait before it is repeated. */
  readonly delayMs: number;
}

/** SQLSTATEs worth telling apart; a key of two characters stands for the rest of its class. */
const faults: Readonly<Record<string, StoreFault>> = {
  '40001': { meaning: 'serialization failure', retryable: true, delayMs: 5 },
  '40P01': { meaning: 'deadlock', retryable: true, delayMs: 20 },
  '55P03': { meaning: 'lock not available', retryable: true, delayMs: 50 },
  '08000': { meaning: 'connection fault', retryable: true, delayMs: 100 },
  '08003': { meaning: 'connection closed', retryable: true, delayMs: 100 },
  '08006': { meaning: 'connection lost', retryable: true, delayMs: 100 },
  '08001': { meaning: 'connection refused', retryable: true, delayMs: 200 },
  '08004': { meaning: 'connection rejected', retryable: false, delayMs: 0 },
  '53100': { meaning: 'disk full', retryable: false, delayMs: 0 },
  '53200': { meaning: 'out of memory', retryable: true, delayMs: 200 },
  '53300': { meaning: 'too many connections', retryable: true, delayMs: 200 },
  '57014': { meaning: 'statement timeout or cancelled', retryable: false, delayMs: 0 },
  '57P01': { meaning: 'server stopping', retryable: true, delayMs: 200 },
  '57P02': { meaning: 'server crashed', retryable: true, delayMs: 200 },
  '57P03': { meaning: 'server starting', retryable: true, delayMs: 500 },
  '25006': { meaning: 'server is read-only (a fail-over?)', retryable: true, delayMs: 500 },
  '22': { meaning: 'a value the store cannot hold', retryable: false, delayMs: 0 },
  '23': { meaning: 'a constraint', retryable: false, delayMs: 0 },
  '42': { meaning: 'a statement the schema does not know', retryable: false, delayMs: 0 },
};

const systemFaults: Readonly<Record<string, StoreFault>> = {
  ECONNREFUSED: { meaning: 'connection refused', retryable: true, delayMs: 200 },
  ECONNRESET: { meaning: 'connection lost', retryable: true, delayMs: 100 },
  EPIPE: { meaning: 'connection lost', retryable: true, delayMs: 100 },
  ETIMEDOUT: { meaning: 'connection timed out', retryable: true, delayMs: 100 },
};

/** How `pg` itself words a lost connection, for which it has no code. */
const lostConnection =
  /Connection terminated|Client has encountered a connection error|not queryable/;

/** How Citus words a commit that failed on one of its nodes; it has no code of its own. */
const lostShardCommit = /could not commit transaction for shard/;

/** A row was on its way to the default partition when one of its own was attached; the next goes there. */
const newPartition = /violates partition constraint/;

const unknown: StoreFault = { meaning: 'unknown', retryable: false, delayMs: 0 };

/** Reads what went wrong from an error of `pg`. */
export function faultOf(cause: unknown): StoreFault {
  if (!(cause instanceof Error)) return unknown;
  const code = codeOf(cause);
  if (code === '23514' && newPartition.test(cause.message)) {
    return { meaning: 'a new partition', retryable: true, delayMs: 5 };
  }
  const known = faults[code] ?? systemFaults[code] ?? faults[code.slice(0, 2)];
  if (known !== undefined) return known;
  if (lostConnection.test(cause.message)) {
    return { meaning: 'connection lost', retryable: true, delayMs: 100 };
  }
  if (code === 'XX000' && lostShardCommit.test(cause.message)) {
    return { meaning: 'commit failed on a shard', retryable: true, delayMs: 50 };
  }
  return unknown;
}

/** Whether a statement failed for what one of its rows carries, so that without it the others may pass. */
export function isPoison(cause: unknown): boolean {
  if (!(cause instanceof Error) || !('code' in cause) || typeof cause.code !== 'string')
    return false;
  return ['22', '23', '54'].includes(cause.code.slice(0, 2));
}

function codeOf(cause: unknown): string {
  const hasCode = cause instanceof Error && 'code' in cause && typeof cause.code === 'string';
  return hasCode ? String(cause.code) : '';
}

/** Text that PostgreSQL cannot keep: with a NUL character, or broken surrogates inside a document. */
const unstorableText = /^(?:22021|22P05)$/;

/**
 * The store failed and we cannot tell: UNAVAILABLE `STORE_UNAVAILABLE`. A ServiceError stays as it is, and
 * text that cannot be stored is the caller's fault.
 */
export function storeFailure(cause: unknown): ServiceError {
  if (cause instanceof ServiceError) return cause;
  if (unstorableText.test(codeOf(cause))) {
    return invalidFields([
      { field: 'text', description: 'holds characters that cannot be stored' },
    ]);
  }
  const { meaning, delayMs } = faultOf(cause);
  const message = `the store is unavailable${meaning === unknown.meaning ? '' : `: ${meaning}`}`;
  return new ServiceError('UNAVAILABLE', 'STORE_UNAVAILABLE', message, {
    cause,
    retryAfterMs: Math.max(delayMs, 100),
  });
}
