import { setImmediate as giveTurn } from 'node:timers/promises';
import type { DescMessage, DescMethodUnary, MessageShape } from '@bufbuild/protobuf';
import type { handleUnaryCall, ServerUnaryCall } from '@grpc/grpc-js';
import { deadlineAfter, deadlineAt, withinDeadline } from '../platform/deadline.ts';
import type { Log } from '../platform/log.ts';
import type { ServiceError } from '../platform/service-error.ts';
import { callerFor } from '../auth/caller-for.ts';
import type { Right } from '../auth/right.ts';
import { rightOf } from '../auth/rights.ts';
import type { Access } from '../service/auth.ts';
import type { CallContext } from '../service/data-plane.ts';
import { asServiceError, statusTable } from '../wire/status.ts';
import { authenticate } from './authenticate.ts';
import type { CallFacts } from './call-facts.ts';
import type { CallMetrics } from './call-metrics.ts';
import { decode, encode } from './codec.ts';
import { codeName, grpcStatus } from './grpc-status.ts';

/** What surrounds every call of the data plane. */
export interface Surroundings {
  readonly access: Access;
  readonly log: Log;
  readonly metrics: CallMetrics;
  /** The longest that a call may take, whatever its client's deadline. */
  readonly rpcTimeoutMs: number;
}

/** A handler's own part: one message in, one out. It puts what log and metrics need into `facts`. */
export type Answer<In extends DescMessage, Out extends DescMessage> = (
  message: MessageShape<In>,
  context: CallContext,
  facts: CallFacts,
) => Promise<MessageShape<Out>>;

/** Messages that take milliseconds to read. */
const largeBytes = 64 * 1024;

/** A grpc-js handler that authenticates, reads, answers within the deadline, writes, logs and counts. */
export function surround<In extends DescMessage, Out extends DescMessage>(
  surroundings: Surroundings,
  method: DescMethodUnary<In, Out>,
  answer: Answer<In, Out>,
): handleUnaryCall<Buffer, Buffer> {
  const right = rightOf(method);
  return (call, callback) =>
    void runCall(surroundings, method.name, {
      work: (facts) =>
        serve(surroundings, call, right, facts, async (context) => {
          const message = decode(method.input, call.request);
          // To read it was a good part of a turn already: others first.
          if (call.request.length > largeBytes) await giveTurn();
          const cancelled = (): AbortSignal => cancellationOf(call);
          return encode(method.output, await answer(message, { ...context, cancelled }, facts));
        }),
      done: (bytes) => callback(null, bytes),
      refused: (error) => callback(grpcStatus(error)),
    });
}

/** Aborted when the client cancels the call or is gone. */
function cancellationOf(call: ServerUnaryCall<Buffer, Buffer>): AbortSignal {
  const controller = new AbortController();
  if (call.cancelled) controller.abort();
  else call.once('cancelled', () => controller.abort());
  return controller.signal;
}

/** One piece of work, and its end: exactly one of `done` and `refused` is called. */
export interface CallWork<T> {
  readonly work: (facts: CallFacts) => Promise<T>;
  readonly done: (answer: T) => void;
  readonly refused: (error: ServiceError) => void;
}

/** Does a call's work, answers it, and logs and counts it as its RPC. Never rejects. */
export async function runCall<T>(
  { metrics, log }: Pick<Surroundings, 'metrics' | 'log'>,
  rpc: string,
  { work, done, refused }: CallWork<T>,
): Promise<void> {
  const startedMs = performance.now();
  const facts: CallFacts = {};
  metrics.started(rpc);
  let code = 'OK';
  try {
    done(await work(facts));
  } catch (cause) {
    const error = asServiceError(cause);
    refused(error);
    code = logRefusal(log, rpc, error, facts);
  }
  const seconds = (performance.now() - startedMs) / 1000;
  metrics.ended(rpc, code, seconds, facts);
  if (code === 'OK') logAnswer(log, rpc, seconds, facts);
}

/** What is known of a call before its messages. */
export type Arrival = Pick<
  ServerUnaryCall<Buffer, Buffer>,
  'metadata' | 'getAuthContext' | 'getDeadline'
>;

/** Does work for an authenticated caller that has the right to it, within the server's limit and the client's deadline. */
export function serve<T>(
  { access, rpcTimeoutMs }: Surroundings,
  call: Arrival,
  right: Right,
  facts: CallFacts,
  work: (context: CallContext) => Promise<T>,
): Promise<T> {
  const deadlineMs = Math.min(deadlineAfter(rpcTimeoutMs), deadlineAt(Number(call.getDeadline())));
  const admitted = async (): Promise<T> => {
    const [header] = call.metadata.get('authorization');
    let account = authenticate(access, {
      authorization: header === undefined ? undefined : String(header),
      certificate: () => call.getAuthContext().sslPeerCertificate,
    });
    if (account instanceof Promise) account = await account;
    facts.caller = account.name;
    return work({ caller: callerFor(account, right), deadlineMs });
  };
  return withinDeadline(admitted, deadlineMs);
}

function logRefusal(log: Log, rpc: string, error: ServiceError, facts: CallFacts): string {
  const row = statusTable[error.kind];
  const code = codeName(row.code);
  const fields = { rpc, code, error: error.reason, ...facts };
  // A cause says where our own failures come from; a caller's bug has none worth keeping.
  const line =
    row.log === 'info' ? { ...fields, message: error.message } : { ...fields, err: error };
  log[row.log](line, 'refused');
  return code;
}

function logAnswer(log: Log, rpc: string, seconds: number, facts: CallFacts): void {
  const isDenied = facts.decision === 'DENY';
  if (!log.isLevelEnabled(isDenied ? 'info' : 'debug')) return;
  const line = { rpc, code: 'OK', seconds, ...facts };
  if (isDenied) log.info(line, 'denied');
  else log.debug(line, 'answered');
}
