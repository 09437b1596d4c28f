import { Code, ConnectError } from '@connectrpc/connect';
import type { Interceptor } from '@connectrpc/connect';
import type { Log } from '../platform/log.ts';
import { ServiceError } from '../platform/service-error.ts';
import type { Access } from '../service/access.ts';
import { asServiceError, statusDetails, statusTable } from '../wire/status.ts';
import { callerKey } from './caller.ts';

const bearer = /^Bearer +([\x21-\x7e]+) *$/i;

/** Turns what a handler throws into Connect's error with google.rpc details, and logs a line per call. */
export function answerErrors(log: Log): Interceptor {
  return (next) => async (request) => {
    const rpc = `${request.service.typeName}/${request.method.name}`;
    try {
      const response = await next(request);
      log.debug({ rpc }, 'answered');
      return response;
    } catch (cause) {
      if (cause instanceof ConnectError && !(cause.cause instanceof ServiceError)) throw cause;
      const error = asServiceError(cause);
      const { code, log: level } = statusTable[error.kind];
      log[level]({ rpc, reason: error.reason, err: error.cause }, error.message);
      const details = statusDetails(error);
      throw new ConnectError(error.message, connectCode(code), undefined, details);
    }
  };
}

/** Connect numbers its codes as gRPC does. */
function connectCode(code: number): Code {
  const known = Object.values(Code).find((candidate) => candidate === code);
  return typeof known === 'number' ? known : Code.Internal;
}

/** Lets in who presents an admin secret: `authorization: Bearer <secret>`. UNAUTHENTICATED otherwise. */
export function authenticate(access: Access): Interceptor {
  return (next) => async (request) => {
    const header = request.header.get('authorization');
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
    request.contextValues.set(callerKey, caller);
    return next(request);
  };
}
