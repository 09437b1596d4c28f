import type { DescMessage, DescMethodUnary, MessageShape } from '@bufbuild/protobuf';
import type { handleUnaryCall, sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';
import { deadlineAfter, withinDeadline } from '../platform/deadline.ts';
import type { Log } from '../platform/log.ts';
import type { Access } from '../service/access.ts';
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

/** A handler's own part: one message in, one out. It notes in `facts` what log and metrics shall know. */
export type Answer<In extends DescMessage, Out extends DescMessage> = (
  message: MessageShape<In>,
  context: CallContext,
  facts: CallFacts,
) => Promise<MessageShape<Out>>;

/** A grpc-js handler that authenticates, reads, answers within the deadline, writes, logs and counts. */
export function surround<In extends DescMessage, Out extends DescMessage>(
  surroundings: Surroundings,
  method: DescMethodUnary<In, Out>,
  answer: Answer<In, Out>,
): handleUnaryCall<Buffer, Buffer> {
  const { metrics, log } = surroundings;
  const rpc = method.name;
  const run = async (
    call: ServerUnaryCall<Buffer, Buffer>,
    callback: sendUnaryData<Buffer>,
  ): Promise<void> => {
    const startedMs = performance.now();
    const facts: CallFacts = {};
    metrics.started(rpc);
    let code = 'OK';
    try {
      callback(null, await serve(surroundings, method, answer, call, facts));
    } catch (cause) {
      code = refuse(log, rpc, cause, facts, callback);
    }
    const seconds = (performance.now() - startedMs) / 1000;
    metrics.ended(rpc, code, seconds, facts);
    if (code === 'OK') logAnswer(log, rpc, seconds, facts);
  };
  return (call, callback) => void run(call, callback);
}

async function serve<In extends DescMessage, Out extends DescMessage>(
  { access, rpcTimeoutMs }: Surroundings,
  method: DescMethodUnary<In, Out>,
  answer: Answer<In, Out>,
  call: ServerUnaryCall<Buffer, Buffer>,
  facts: CallFacts,
): Promise<Buffer> {
  const deadlineMs = Math.min(deadlineAfter(rpcTimeoutMs), Number(call.getDeadline()));
  const work = async (): Promise<Buffer> => {
    let caller = authenticate(access, call);
    if (caller instanceof Promise) caller = await caller;
    facts.caller = caller.name;
    const message = decode(method.input, call.request);
    return encode(method.output, await answer(message, { caller, deadlineMs }, facts));
  };
  return withinDeadline(work(), deadlineMs);
}

function refuse(
  log: Log,
  rpc: string,
  cause: unknown,
  facts: CallFacts,
  callback: sendUnaryData<Buffer>,
): string {
  const error = asServiceError(cause);
  callback(grpcStatus(error));
  const row = statusTable[error.kind];
  const code = codeName(row.code);
  const told = { rpc, code, error: error.reason, ...facts };
  // A cause says where our own failures come from; a caller's bug has none worth keeping.
  const line = row.log === 'info' ? { ...told, message: error.message } : { ...told, err: error };
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
