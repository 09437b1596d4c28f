import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { callerFor } from '../auth/caller-for.ts';
import type { Right } from '../auth/right.ts';
import type { Connection } from '../connections/connections.ts';
import type { FailedSignIns } from '../connections/failed-sign-ins.ts';
import { grpcTimeoutMs } from '../connections/grpc-timeout.ts';
import { createUnreadBytes } from '../connections/unread-bytes.ts';
import { ServiceError } from '../platform/service-error.ts';
import type { Account } from '../service/auth.ts';
import { asServiceError } from '../wire/status.ts';
import { authenticate } from './authenticate.ts';
import { watchBody } from './body-watch.ts';
import { giveReasons, messageTooLarge } from './give-reasons.ts';
import { refuseStream } from './refuse-stream.ts';
import { createStreamAges } from './stream-ages.ts';
import { runCall } from './surround.ts';
import type { Surroundings } from './surround.ts';

/** A method as the gate sees it. */
export interface GateMethod {
  readonly rpc: string;
  readonly isUnary: boolean;
  /** Who may call it; undefined: anybody (health, reflection). */
  readonly right: Right | undefined;
}

/** What the gate needs. */
export interface StreamGateParts extends Surroundings {
  /** By path. */
  readonly methods: ReadonlyMap<string, GateMethod>;
  readonly sessionStallMs: number;
  readonly maxMessageBytes: number;
  /** Bytes of requests that have not come whole, of all connections; one may use a quarter. */
  readonly maxUnreadBytes: number;
  readonly unread: (bytes: number) => void;
  readonly failedSignIns: FailedSignIns;
}

/** A stream whose headers have come. */
export interface Arriving {
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  readonly connection: Connection;
  /** Called in the same turn if the caller is known without a look-up, later or never else. */
  readonly handOn: () => void;
}

/** Lets streams through to grpc-js. */
export interface StreamGate {
  open(arriving: Arriving): void;
  stop(): void;
}

/** Health and reflection ask short questions. */
const mostOpenBytes = 16 * 1024;
/** Streams of one connection that unknown callers have opened. */
const mostOpenStreams = 100;

/**
 * Judges a call by its headers: an unknown method or caller is refused before any of its message is read.
 * While a caller is looked up, HTTP/2 lets the client send no more than its first window.
 */
export function createStreamGate(parts: StreamGateParts): StreamGate {
  const unread = createUnreadBytes(parts.maxUnreadBytes, parts.unread);
  const ages = createStreamAges(parts.rpcTimeoutMs, parts.rpcTimeoutMs + parts.sessionStallMs);

  function pass(arriving: Arriving, { rpc, isUnary, right }: GateMethod): void {
    const { stream, headers, connection, handOn } = arriving;
    if (stream.destroyed || stream.closed) return;
    const onFault = (error: ServiceError): void => refuse(parts, stream, rpc, error);
    const fault = headerFault(headers);
    if (fault !== undefined) return onFault(fault);
    const { maxMessageBytes: mostMessageBytes } = parts;
    if (isCompressed(headers)) giveReasons(stream, mostMessageBytes);
    const mostBytes = right === undefined ? mostOpenBytes : Infinity;
    const limits = { isUnary, mostBytes, mostMessageBytes };
    const tooLarge = (): void => {
      giveReasons(stream, mostMessageBytes);
      note(parts, rpc, messageTooLarge(mostMessageBytes));
    };
    watchBody(stream, connection, limits, unread, { refuse: onFault, tooLarge });
    if (isUnary) ages.add(stream, () => onFault(tooSlow()));
    handOn();
  }

  function passOpen(arriving: Arriving, method: GateMethod | undefined): void {
    const { stream, connection } = arriving;
    if (!connection.countStrangerCall()) return;
    if (method === undefined) refuseStream(stream, noSuchMethod());
    else if (connection.isKnown || connection.openCalls <= mostOpenStreams) {
      pass(arriving, method);
    } else refuse(parts, stream, method.rpc, tooManyOpen());
  }

  return {
    open(arriving) {
      const { stream, headers, connection } = arriving;
      // A reset comes as an error too; 'close' follows, and says all there is to say.
      stream.on('error', () => undefined);
      if (!stream.destroyed) {
        connection.callBegan();
        stream.once('close', () => connection.callEnded());
      }
      const method = parts.methods.get(String(headers[':path']));
      if (method?.right === undefined) passOpen(arriving, method);
      else admit(parts, arriving, method, method.right, () => pass(arriving, method));
    },
    stop: () => ages.stop(),
  };
}

/** Calls `pass` if the caller is known and has the right to the call, and refuses the stream else. */
function admit(
  parts: StreamGateParts,
  { stream, headers, connection }: Arriving,
  { rpc }: GateMethod,
  right: Right,
  pass: () => void,
): void {
  const passKnown = (account: Account): void => {
    connection.isKnown = true;
    try {
      callerFor(account, right);
    } catch (cause) {
      return refuse(parts, stream, rpc, asServiceError(cause), account.name);
    }
    return pass();
  };
  const refuseUnknown = (cause: unknown): void => {
    const error = asServiceError(cause);
    const refused = (): void => refuse(parts, stream, rpc, error);
    if (error.kind === 'UNAVAILABLE') return refused();
    const isFailed = error.reason === 'SERVICE_TOKEN_INVALID';
    // Also when the client has reset it since: this is what floods are made of.
    const goesOn = isFailed ? connection.countFailedSignIn() : connection.countStrangerCall();
    if (!goesOn) return undefined;
    if (!isFailed) return refused();
    return parts.failedSignIns.refuse(connection.peer, 'data', refused, timeoutOf(headers) / 2);
  };
  const { authorization } = headers;
  const { certificate, peer } = connection;
  let account: Promise<Account> | Account;
  try {
    account = authenticate(parts.access, { authorization, certificate, peer });
  } catch (cause) {
    return refuseUnknown(cause);
  }
  if (account instanceof Promise) void account.then(passKnown, refuseUnknown);
  else passKnown(account);
}

/** Refuses a stream; logged and counted as the answer of its RPC. */
function refuse(
  surroundings: Surroundings,
  stream: ServerHttp2Stream,
  rpc: string,
  error: ServiceError,
  caller?: string,
): void {
  note(surroundings, rpc, error, () => refuseStream(stream, error), caller);
}

/** Logs and counts a failure as the answer of its RPC. */
function note(
  surroundings: Surroundings,
  rpc: string,
  error: ServiceError,
  refused = (): void => undefined,
  caller?: string,
): void {
  void runCall(surroundings, rpc, {
    work(facts) {
      if (caller !== undefined) facts.caller = caller;
      return Promise.reject(error);
    },
    done: () => undefined,
    refused,
  });
}

function isCompressed({ 'grpc-encoding': encoding }: IncomingHttpHeaders): boolean {
  return encoding !== undefined && encoding !== 'identity';
}

/** How long the client waits; infinite where it does not say. */
function timeoutOf({ 'grpc-timeout': timeout }: IncomingHttpHeaders): number {
  return grpcTimeoutMs(timeout === undefined ? null : String(timeout)) ?? 0;
}

/** What grpc-js would answer without details, or not see. */
function headerFault({ 'grpc-timeout': timeout }: IncomingHttpHeaders): ServiceError | undefined {
  if (timeout === undefined || /^\d{1,8}[HMSmun]$/.test(String(timeout))) return undefined;
  return new ServiceError('TIMEOUT_INVALID', 'expected grpc-timeout as 1 to 8 digits and a unit');
}

function noSuchMethod(): ServiceError {
  return new ServiceError('METHOD_UNKNOWN', 'no such method here');
}

function tooManyOpen(): ServiceError {
  const message = `expected at most ${mostOpenStreams} calls at once without a service token`;
  return new ServiceError('OVERLOADED', message, { retryAfterMs: 1000 });
}

function tooSlow(): ServiceError {
  const message = 'the request was not complete in time';
  return new ServiceError('REQUEST_TOO_SLOW', message);
}
