import type { HandlerContext, Interceptor } from '@connectrpc/connect';
import { withinDeadline } from '../../platform/deadline.ts';
import type { Log } from '../../platform/log.ts';
import { ServiceError } from '../../platform/service-error.ts';
import type { Access } from '../../service/auth.ts';
import type { Caller } from '../../service/caller.ts';
import { callOf } from './call.ts';
import { compressions } from './call-headers.ts';
import { leastIntentOf, requireRole } from './least-role.ts';
import { refuse } from './refusal.ts';

const bearer = /^Bearer +([\x21-\x7e]{1,512}) *$/i;

/** Answers within the deadline; turns what a handler throws into an error with google.rpc details. */
export function answerInTime(log: Log): Interceptor {
  return (next) => async (request) => {
    const call = callOf(request.contextValues);
    try {
      const response = await withinDeadline(next(request), call.deadlineMs);
      call.code = 'OK';
      log.debug({ rpc: call.rpc, code: call.code, caller: call.caller?.name }, 'answered');
      return response;
    } catch (cause) {
      throw refuse(log, call, cause);
    }
  };
}

/**
 * Lets in who presents an admin secret (`authorization: Bearer <secret>`) or, without that header, a client
 * certificate; UNAUTHENTICATED otherwise, and PERMISSION_DENIED for an RPC that the caller's role never allows.
 * It runs before the message is read, so that nobody without the right makes us read or decode anything.
 */
export function letIn(access: Access, log: Log): (context: HandlerContext) => Promise<void> {
  return async ({ values, requestHeader, responseHeader }) => {
    const call = callOf(values);
    try {
      const found = authenticate(access, requestHeader.get('authorization'), call.certificateName);
      call.caller = await withinDeadline(found, call.deadlineMs);
      requireRole(call.caller, leastIntentOf(call.rpc));
      if (call.fault?.kind === 'UNIMPLEMENTED') nameCompressions(responseHeader);
      if (call.fault !== undefined) throw call.fault;
    } catch (cause) {
      throw refuse(log, call, cause);
    }
  };
}

async function authenticate(
  access: Access,
  header: string | null,
  certificateName: string | undefined,
): Promise<Caller> {
  const caller = await look(access, header, certificateName);
  if (caller !== undefined) return caller;
  const message = 'the admin secret or client certificate is not known here';
  throw new ServiceError('UNAUTHENTICATED', 'ADMIN_SECRET_INVALID', message);
}

function look(
  access: Access,
  header: string | null,
  certificateName: string | undefined,
): ReturnType<Access['identify']> {
  if (header !== null) {
    const secret = bearer.exec(header)?.[1];
    return secret === undefined ? undefined : access.authenticate(secret, 'admin');
  }
  if (certificateName !== undefined) return access.identify(certificateName, 'admin');
  const expected = 'expected authorization: Bearer <admin secret>';
  throw new ServiceError('UNAUTHENTICATED', 'ADMIN_SECRET_MISSING', expected);
}

/** As both protocols ask of a server that does not know a compression. */
function nameCompressions(header: Headers): void {
  const names = compressions.map(({ name }) => name).join(',');
  header.set('accept-encoding', names);
  header.set('grpc-accept-encoding', names);
}
