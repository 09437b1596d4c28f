import { ConnectError } from '@connectrpc/connect';
import type { Log } from '../platform/log.ts';
import type { Caller } from '../service/caller.ts';
import { asServiceError, statusDetails, statusTable } from '../wire/status.ts';

/** Any failure as Connect's error with google.rpc details. What we did not foresee is INTERNAL. */
export function connectError(cause: unknown): ConnectError {
  const error = asServiceError(cause);
  const { code } = statusTable[error.kind];
  return new ConnectError(error.message, code, undefined, statusDetails(error), error);
}

/** Logs a refusal, a line each, and makes its answer. */
export function refuse(
  log: Log,
  rpc: string,
  cause: unknown,
  caller: Caller | undefined,
): ConnectError {
  if (cause instanceof ConnectError) return cause;
  const error = asServiceError(cause);
  const row = statusTable[error.kind];
  const told = { rpc, code: error.kind, error: error.reason, caller: caller?.name };
  // A cause says where our own failures come from; a caller's bug has none worth keeping.
  const line = row.log === 'info' ? { ...told, message: error.message } : { ...told, err: error };
  log[row.log](line, 'refused');
  return connectError(error);
}
