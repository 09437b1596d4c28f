import { createContextKey } from '@connectrpc/connect';
import type { ContextValues } from '@connectrpc/connect';
import type { ServiceError } from '../../platform/service-error.ts';
import type { Caller } from '../../service/caller.ts';
import type { Admission } from './admission.ts';

/** One call from its headers to its answer: what gate, body, handler, log and metrics know of it. */
export interface AdminCall {
  readonly rpc: string;
  /** An instant on the monotonic clock, milliseconds: the earlier of the server's and the client's deadline. */
  readonly deadlineMs: number;
  /** The name in the client's verified certificate. */
  readonly certificateName: string | undefined;
  /** What is wrong with the headers; only authenticated callers get this error. */
  readonly fault: ServiceError | undefined;
  readonly admission: Admission;
  /** The address of the other end of its connection, for the audit trail. */
  readonly address: string;
  /** The name of its account; undefined until that is known. */
  callerName?: string;
  /** Undefined until it is let in. */
  caller?: Caller;
  /** Who makes it now: the secret or the roles may have changed since it was let in. Rejects as then. */
  callerAgain?: () => Promise<Caller>;
  /** How it ended, by gRPC's name; undefined while that is open. */
  code?: string;
}

/** Where a call travels through Connect. */
export const callKey = createContextKey<AdminCall | undefined>(undefined);

/** The call that is being answered. */
export function callOf(values: ContextValues): AdminCall {
  const call = values.get(callKey);
  if (call === undefined) throw new Error('a handler was reached past the front door');
  return call;
}
