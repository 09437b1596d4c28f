import { invalidFields, ServiceError } from '../platform/service-error.ts';

/**
 * Who must act on a failure. `away`: the store is lost, refuses, does not answer or is full; callers retry, and
 * an organization may want its calls allowed meanwhile. `busy`: it works, but this did not get through.
 * `ours`: a fault of this program, which a retry does not change.
 */
type Blame = 'away' | 'busy' | 'ours';

/** What an SQLSTATE means for the code that ran the statement. */
export interface StoreFault {
  readonly meaning: string;
  readonly blame: Blame;
  /** The transaction is known to have left nothing behind, and may succeed when it is repeated. */
  readonly retryable: boolean;
  /** How long to wait before it is repeated. */
  readonly delayMs: number;
}

function fault(meaning: string, blame: Blame, delayMs?: number): StoreFault {
  return { meaning, blame, retryable: delayMs !== undefined, delayMs: delayMs ?? 0 };
}

/** SQLSTATEs worth telling apart; a key of two characters stands for the rest of its class. */
const faults: Readonly<Record<string, StoreFault>> = {
  '40001': fault('serialization failure', 'busy', 5),
  '40P01': fault('deadlock', 'busy', 20),
  '55P03': fault('lock not available', 'busy', 50),
  '57014': fault('statement timeout or cancelled', 'busy'),
  '08': fault('connection fault', 'away', 100),
  '08001': fault('connection refused', 'away', 200),
  '08003': fault('connection closed', 'away', 100),
  '08004': fault('connection rejected', 'away'),
  '08006': fault('connection lost', 'away', 100),
  '25006': fault('server is read-only (a fail-over?)', 'away', 500),
  '26000': fault('the session has lost its prepared statements', 'ours', 5),
  '0A000': fault('not supported, or the tables have changed', 'ours', 5),
  '25P03': fault('session ended: idle in a transaction', 'away', 50),
  '25P04': fault('session ended: transaction timeout', 'busy'),
  '53100': fault('disk full', 'away'),
  '53200': fault('out of memory', 'away', 200),
  '53300': fault('too many connections', 'away', 200),
  '57P01': fault('server stopping', 'away', 200),
  '57P02': fault('server crashed', 'away', 200),
  '57P03': fault('server starting', 'away', 500),
  '57P05': fault('session ended: idle', 'away', 50),
  '58': fault('a fault of the server or its disk', 'away'),
};

const systemFaults: Readonly<Record<string, StoreFault>> = {
  ECONNREFUSED: fault('connection refused', 'away', 200),
  ECONNRESET: fault('connection lost', 'away', 100),
  EPIPE: fault('connection lost', 'away', 100),
  ETIMEDOUT: fault('no answer in time', 'away', 100),
  EHOSTUNREACH: fault('host unreachable', 'away', 200),
  ENETUNREACH: fault('network unreachable', 'away', 200),
  ENOTFOUND: fault('host not found', 'away', 200),
  EAI_AGAIN: fault('host not found', 'away', 200),
  POOL_BUSY: fault('no free connection in time', 'busy', 100),
  // What was sent may have happened, and the time of its callers is up: not tried again.
  STORE_SILENT: fault('no answer in time', 'away'),
  // The same on one connection, while the store answers and commits on others.
  CONNECTION_SILENT: fault('no answer in time; it may have happened', 'busy'),
};

/** How `pg` itself words a lost or silent connection, for which it has no code. */
const lostConnection =
  /Connection terminated|Client has encountered a connection error|not queryable|timeout expired|Query read timeout/;

/** How Citus words a commit that failed on one of its nodes; it has no code of its own. */
const lostShardCommit = /could not commit transaction for shard/;

/** A row was on its way to the default partition when one of its own was attached; the next goes there. */
const newPartition = /violates partition constraint/;

const unknown = fault('unknown', 'ours');

/** Reads what went wrong from an error of `pg`. */
export function faultOf(cause: unknown): StoreFault {
  if (!(cause instanceof Error)) return unknown;
  // What `storeFailure` made of an error of `pg`.
  if (cause instanceof ServiceError) return faultOf(cause.cause);
  const code = codeOf(cause);
  if (code === '23514' && newPartition.test(cause.message)) {
    return fault('a new partition', 'busy', 5);
  }
  const known = faults[code] ?? systemFaults[code] ?? faults[code.slice(0, 2)];
  if (known !== undefined) return known;
  if (endsSession(cause)) return fault('the server ended or refused the session', 'away', 200);
  if (lostConnection.test(cause.message)) return fault('connection lost', 'away', 100);
  if (code === 'XX000' && lostShardCommit.test(cause.message)) {
    return fault('commit failed on a shard', 'away', 50);
  }
  return unknown;
}

/** FATAL and PANIC end a session, or refuse to begin one. */
function endsSession(cause: Error): boolean {
  return 'severity' in cause && (cause.severity === 'FATAL' || cause.severity === 'PANIC');
}

/** SQLSTATEs, unlike the names of system errors: the classes that are not about the server's state. */
const refusedStatement = /^(?!08|25|40|53|57|58)(?:\d\d|XX|P0|HV|F0)/;

/**
 * Whether the server refused a statement that it would refuse again: perhaps for what one of its rows carries, so
 * that without it the others may pass.
 */
export function isPoison(cause: unknown): boolean {
  return refusedStatement.test(codeOf(cause)) && !faultOf(cause).retryable;
}

/** Whether a statement waited for a lock longer than `lock_timeout`: another session holds it. */
export function isLockTimeout(cause: unknown): boolean {
  return codeOf(cause) === '55P03';
}

/** Whether a statement took longer than `statement_timeout`, perhaps because it waited for several locks in turn. */
export function isStatementTimeout(cause: unknown): boolean {
  return codeOf(cause) === '57014';
}

/** A failure in one word, for a metric: its SQLSTATE, `connection`, or `internal` for a fault of this program. */
export function failureLabel(cause: unknown): string {
  const code = codeOf(cause);
  if (/^[0-9A-Z]{5}$/.test(code) && systemFaults[code] === undefined) return code;
  return faultOf(cause) === unknown ? 'internal' : 'connection';
}

function codeOf(cause: unknown): string {
  const hasCode = cause instanceof Error && 'code' in cause && typeof cause.code === 'string';
  return hasCode ? String(cause.code) : '';
}

/** Text that PostgreSQL cannot keep: with a NUL character, or broken surrogates inside a document. */
const unstorableText = /^(?:22021|22P05)$/;

/**
 * The error that a caller gets for this failure. A ServiceError is not changed. A store that is away is UNAVAILABLE
 * `STORE_UNAVAILABLE`, one that is busy RESOURCE_EXHAUSTED `STORE_BUSY`; text that cannot be stored is the caller's
 * fault; everything else is ours, INTERNAL.
 */
export function storeFailure(cause: unknown): ServiceError {
  if (cause instanceof ServiceError) return cause;
  if (unstorableText.test(codeOf(cause))) {
    return invalidFields([
      { field: 'text', description: 'holds characters that cannot be stored' },
    ]);
  }
  const { meaning, blame, delayMs } = faultOf(cause);
  const more = { cause, retryAfterMs: Math.max(delayMs, 100) };
  switch (blame) {
    case 'away': {
      const message = `the store is unavailable: ${meaning}`;
      return new ServiceError('STORE_UNAVAILABLE', message, more);
    }
    case 'busy': {
      const message = `the store is busy: ${meaning}`;
      return new ServiceError('STORE_BUSY', message, more);
    }
    case 'ours':
      return new ServiceError('INTERNAL', 'internal error', { cause });
  }
}
