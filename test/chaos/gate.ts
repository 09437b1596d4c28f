import type { MessageInitShape } from '@bufbuild/protobuf';
import { ChannelCredentials, status } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import { DecisionService } from '../../gen/tollgate/v1/decision_pb.ts';
import type { SessionRequestSchema, SessionResponse } from '../../gen/tollgate/v1/decision_pb.ts';
import type { Status } from '../../gen/google/rpc/status_pb.ts';
import { detailsOf, errorDetails } from '../../src/client/error-details.ts';
import { createUnaryClient } from '../../src/client/unary-client.ts';
import { openStream } from './stream.ts';

/** What is asked: a Check, Report, Release or Extend. */
export type Operation = Extract<
  NonNullable<MessageInitShape<typeof SessionRequestSchema>['operation']>,
  { case: string }
>;

/** How it is asked. A `batch` carries a Report twice and nothing else. */
export type Way = 'unary' | 'session' | 'batch';

/** An answer as it was given. */
export type Answer = Exclude<SessionResponse['result'], { case: 'error' } | { case: undefined }>;

/** An error in place of an answer. */
export interface Refused {
  readonly case: 'refused';
  readonly code: string;
  /** Of its ErrorInfo; undefined when it did not come from Tollgate. */
  readonly reason: string | undefined;
  readonly message: string;
}

/** One try to get an answer, with the driver's real times. */
export interface Attempt {
  readonly result: Answer | Refused;
  readonly sentAtMs: number;
  readonly tookMs: number;
}

/** A replica as its callers know it. */
export interface Gate {
  ask(operation: Operation, way: Way): Promise<Attempt>;
  close(): void;
}

/** What callers wait for at most: longer than a replica lets a call take, so that it is the replica that answers. */
export const callerTimeoutMs = 4_000;

/** The answers of a batch with twice the same Report differ. */
export class TwoAnswers extends Error {}

const { check, report, release, extend, batchReport } = DecisionService.method;

/** Connects to a replica. */
export function createGate(port: number, token: string): Gate {
  const address = `127.0.0.1:${port}`;
  const client = createUnaryClient({
    address,
    credentials: ChannelCredentials.createInsecure(),
    token,
    options: {
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 500,
      'grpc.use_local_subchannel_pool': 1,
    },
  });
  const stream = openStream(address, token, callerTimeoutMs);
  const settings = { timeoutMs: callerTimeoutMs };

  async function unary(operation: Operation): Promise<Answer> {
    switch (operation.case) {
      case 'check':
        return { case: 'check', value: await client.call(check, operation.value, settings) };
      case 'report':
        return { case: 'report', value: await client.call(report, operation.value, settings) };
      case 'release':
        return { case: 'release', value: await client.call(release, operation.value, settings) };
      case 'extend':
        return { case: 'extend', value: await client.call(extend, operation.value, settings) };
    }
  }

  async function batch(operation: Operation): Promise<Answer | Refused> {
    if (operation.case !== 'report') return unary(operation);
    const reports = [operation.value, operation.value];
    const request = { orgId: operation.value.orgId ?? '', reports };
    const { results } = await client.call(batchReport, request, settings);
    const [first, second] = results.map(({ result }) => result);
    if (first?.case === 'error') return refusedBy(first.value);
    if (first?.case !== 'report') throw new TwoAnswers('a batch answered without a result');
    if (second?.case === 'report' && second.value.costNanos !== first.value.costNanos) {
      throw new TwoAnswers(`${first.value.costNanos} and ${second.value.costNanos} nanos`);
    }
    return first;
  }

  async function ask(operation: Operation, way: Way): Promise<Answer | Refused> {
    if (way === 'unary') return unary(operation);
    if (way === 'batch') return batch(operation);
    const result = await stream.ask(operation);
    return result.case === 'error' ? refusedBy(result.value) : result;
  }

  return {
    async ask(operation, way) {
      const sentAtMs = Date.now();
      const beganMs = performance.now();
      const result = await ask(operation, way).catch(refusedFor);
      return { result, sentAtMs, tookMs: performance.now() - beganMs };
    },
    close() {
      stream.close();
      client.close();
    },
  };
}

function refusedBy(error: Status): Refused {
  const code = status[error.code] ?? String(error.code);
  return { case: 'refused', code, reason: detailsOf(error).reason, message: error.message };
}

function refusedFor(cause: unknown): Refused {
  if (!isServiceError(cause)) throw cause;
  const code = status[cause.code] ?? String(cause.code);
  return { case: 'refused', code, reason: errorDetails(cause).reason, message: cause.details };
}

function isServiceError(cause: unknown): cause is ServiceError {
  return cause instanceof Error && 'code' in cause && 'metadata' in cause;
}
