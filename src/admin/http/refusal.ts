import { Code, ConnectError } from '@connectrpc/connect';
import type { Log } from '../../platform/log.ts';
import { ServiceError } from '../../platform/service-error.ts';
import { asServiceError, statusDetails, statusTable } from '../../wire/status.ts';
import type { AdminCall } from './call.ts';

/**
 * Ends a call that is refused: logs it, a line each, and makes its answer, an error with google.rpc details. Where the
 * answer is a stream, what the body of the request was refused with passes here again, and is the answer.
 */
export function refuse(log: Log, call: AdminCall, cause: unknown): ConnectError {
  if (cause instanceof ConnectError && cause.cause instanceof ServiceError) return cause;
  const error = asServiceError(cause);
  const row = statusTable[error.kind];
  call.code = error.kind;
  const fields = {
    rpc: call.rpc,
    code: error.kind,
    error: error.reason,
    caller: call.callerName,
  };
  // A cause says where our own failures come from; a caller's bug has none worth keeping.
  const line =
    row.log === 'info' ? { ...fields, message: error.message } : { ...fields, err: error };
  log[row.log](line, 'refused');
  return new ConnectError(error.message, row.code, undefined, statusDetails(error), error);
}

/** Ends a call that was refused by HTTP alone: its method or its content type is not one of an RPC. */
export function refusedByHttp(log: Log, call: AdminCall, status: number): void {
  call.code = 'UNKNOWN';
  log.info({ rpc: call.rpc, code: call.code, error: `HTTP_${status}` }, 'refused');
}

/** Ends a call whose client went away before its message was whole: there is no one to answer. */
export function abandon(log: Log, call: AdminCall): ConnectError {
  call.code = 'CANCELLED';
  log.debug({ rpc: call.rpc, code: call.code, caller: call.callerName }, 'the client went away');
  return new ConnectError('the client went away', Code.Canceled);
}
