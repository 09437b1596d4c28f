import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { ChannelCredentials, Client, Metadata, status } from '@grpc/grpc-js';
import type { ClientDuplexStream, StatusObject } from '@grpc/grpc-js';
import { StatusSchema } from '../../gen/google/rpc/status_pb.ts';
import { SessionRequestSchema, SessionResponseSchema } from '../../gen/tollgate/v1/decision_pb.ts';
import type { SessionRequest, SessionResponse } from '../../gen/tollgate/v1/decision_pb.ts';
import type { Operation } from './gate.ts';

/** A result that is one: an answer or an error. */
type Result = Exclude<SessionResponse['result'], { case: undefined }>;

/** A Session that is opened again when it ends. */
export interface Stream {
  /** The answer; an error when the stream ends before it, or nothing came in time. */
  ask(operation: Operation): Promise<Result>;
  close(): void;
}

/** Opens a Session at the first question. */
export function openStream(address: string, token: string, timeoutMs: number): Stream {
  const client = new Client(address, ChannelCredentials.createInsecure(), {
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 500,
    'grpc.use_local_subchannel_pool': 1,
  });
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  const waiting = new Map<string, (result: Result) => void>();
  let asked = 0;
  let stream: ClientDuplexStream<SessionRequest, SessionResponse> | undefined;

  function ended(of: typeof stream, { code, details }: StatusObject): void {
    if (stream === of) stream = undefined;
    // For UNAVAILABLE and all others: outstanding messages have no answer.
    for (const settle of waiting.values()) settle(failed(code, `the stream ended: ${details}`));
  }

  function open(): NonNullable<typeof stream> {
    const opened = client.makeBidiStreamRequest(
      '/tollgate.v1.DecisionService/Session',
      (message: SessionRequest) => Buffer.from(toBinary(SessionRequestSchema, message)),
      (bytes: Buffer) => fromBinary(SessionResponseSchema, bytes),
      metadata,
    );
    opened.on('data', ({ correlationId, result }: SessionResponse) => {
      if (result.case !== undefined) waiting.get(correlationId)?.(result);
    });
    opened.on('error', () => {
      // Its status, which always comes, says the same.
    });
    opened.on('status', (how: StatusObject) => ended(opened, how));
    stream = opened;
    return opened;
  }

  return {
    ask(operation) {
      const { promise, resolve } = Promise.withResolvers<Result>();
      const correlationId = String((asked += 1));
      const late = failed(status.DEADLINE_EXCEEDED, 'no answer on the stream');
      const timer = setTimeout(() => waiting.get(correlationId)?.(late), timeoutMs);
      waiting.set(correlationId, (result) => {
        waiting.delete(correlationId);
        clearTimeout(timer);
        resolve(result);
      });
      (stream ?? open()).write(create(SessionRequestSchema, { correlationId, operation }));
      return promise;
    },
    close() {
      stream?.cancel();
      client.close();
    },
  };
}

function failed(code: number, message: string): Result {
  return { case: 'error', value: create(StatusSchema, { code, message }) };
}
