import { ConnectError } from '@connectrpc/connect';
import type { HandlerContext, Interceptor } from '@connectrpc/connect';
import { ServiceError } from '../../platform/service-error.ts';
import { callerFor } from '../../auth/caller-for.ts';
import { rightOf } from '../../auth/rights.ts';
import type { FailedSignIns } from '../../connections/failed-sign-ins.ts';
import { withinDeadline } from '../../platform/deadline.ts';
import type { Log } from '../../platform/log.ts';
import type { Access } from '../../service/auth.ts';
import { asServiceError } from '../../wire/status.ts';
import { authenticate } from './authenticate.ts';
import { callOf } from './call.ts';
import type { AdminCall } from './call.ts';
import { compressions } from './call-headers.ts';
import type { CallsUnderWay } from './calls-under-way.ts';
import { refuse } from './refusal.ts';

/** Answers within the deadline; turns what a handler throws into an error with google.rpc details. */
export function answerInTime(log: Log, underWay: CallsUnderWay): Interceptor {
  return (next) => async (request) => {
    const call = callOf(request.contextValues);
    try {
      const work = underWay.run(call.callerName ?? '', () => next(request));
      const response = await withinDeadline(work, call.deadlineMs);
      call.code = 'OK';
      if (response.stream) {
        const caller = call.callerName ?? '';
        const message = refusing(log, call, underWay.stream(caller, response.message));
        return { ...response, message };
      }
      log.debug({ rpc: call.rpc, code: call.code, caller: call.callerName }, 'answered');
      return response;
    } catch (cause) {
      throw refusedOnce(log, call, cause);
    }
  };
}

/** The message of a stream is read later than others, and has been refused where it was judged. */
function refusedOnce(log: Log, call: AdminCall, cause: unknown): ConnectError {
  const isRefused = cause instanceof ConnectError && cause.cause instanceof ServiceError;
  return isRefused ? cause : refuse(log, call, cause);
}

/** The messages of a stream; what its handler throws becomes an error with google.rpc details. */
async function* refusing<T>(log: Log, call: AdminCall, messages: AsyncIterable<T>) {
  try {
    yield* messages;
  } catch (cause) {
    throw refusedOnce(log, call, cause);
  }
}

/**
 * Lets in who presents an admin secret (`authorization: Bearer <secret>`) or, without that header, a client
 * certificate; UNAUTHENTICATED otherwise, and PERMISSION_DENIED for an RPC that the caller's role never allows. It
 * runs before the message is read, so that no call without permission makes us read or decode anything.
 */
export function authenticateCaller(
  access: Access,
  failedSignIns: FailedSignIns,
  log: Log,
): (context: HandlerContext) => Promise<void> {
  return async ({ method, values, requestHeader, responseHeader }) => {
    const call = callOf(values);
    try {
      const presented = {
        authorization: requestHeader.get('authorization') ?? undefined,
        certificateName: call.certificateName,
      };
      // Counted when the look-up ends, not when its client's deadline does: short deadlines are no attack.
      const found = authenticate(access, presented, call.admission);
      const account = await withinDeadline(found, call.deadlineMs);
      call.callerName = account.name;
      const right = rightOf(method);
      call.caller = callerFor(account, right);
      if (method.methodKind === 'server_streaming') {
        const seen = { ...call.admission, known: () => undefined, refused: () => undefined };
        call.callerAgain = async () =>
          callerFor(await authenticate(access, presented, seen), right);
      }
      if (call.fault?.kind === 'UNIMPLEMENTED') nameCompressions(responseHeader);
      if (call.fault !== undefined) throw call.fault;
    } catch (cause) {
      if (asServiceError(cause).reason === 'ADMIN_SECRET_INVALID') {
        const mostMs = (call.deadlineMs - performance.now()) / 2;
        await new Promise<void>((refused) => {
          failedSignIns.refuse(call.admission.peer, 'admin', refused, mostMs);
        });
      }
      throw refuse(log, call, cause);
    }
  };
}

/** As both protocols ask of a server that does not know a compression. */
function nameCompressions(header: Headers): void {
  const names = compressions.map(({ name }) => name).join(',');
  header.set('accept-encoding', names);
  header.set('grpc-accept-encoding', names);
}
