import type { HandlerContext, Interceptor } from '@connectrpc/connect';
import type { Log } from '../platform/log.ts';
import { ServiceError } from '../platform/service-error.ts';
import type { Access } from '../service/access.ts';
import type { Caller } from '../service/caller.ts';
import { callerKey } from './caller.ts';
import { refuse } from './refusal.ts';

const bearer = /^Bearer +([\x21-\x7e]{1,512}) *$/i;

/** Turns what a handler throws into Connect's error with google.rpc details, and logs a line per call. */
export function answerErrors(log: Log): Interceptor {
  return (next) => async (request) => {
    const rpc = request.method.name;
    const caller = request.contextValues.get(callerKey);
    try {
      const response = await next(request);
      log.debug({ rpc, code: 'OK', caller: caller?.name }, 'answered');
      return response;
    } catch (cause) {
      throw refuse(log, rpc, cause, caller);
    }
  };
}

/**
 * Lets in who presents an admin secret: `authorization: Bearer <secret>`; UNAUTHENTICATED otherwise. It stands
 * before the message is read, so that nobody unknown makes us read or take apart anything.
 */
export function letIn(access: Access, log: Log): (context: HandlerContext) => Promise<void> {
  return async (context) => {
    try {
      const caller = await authenticate(access, context.requestHeader.get('authorization'));
      context.values.set(callerKey, caller);
    } catch (cause) {
      throw refuse(log, context.method.name, cause, undefined);
    }
  };
}

async function authenticate(access: Access, header: string | null): Promise<Caller> {
  if (header === null) {
    const expected = 'expected authorization: Bearer <admin secret>';
    throw new ServiceError('UNAUTHENTICATED', 'ADMIN_SECRET_MISSING', expected);
  }
  const secret = bearer.exec(header)?.[1];
  const caller = secret === undefined ? undefined : await access.authenticate(secret, 'admin');
  if (caller === undefined) {
    const message = 'the admin secret is not known here';
    throw new ServiceError('UNAUTHENTICATED', 'ADMIN_SECRET_INVALID', message);
  }
  return caller;
}
