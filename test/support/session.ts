import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { ChannelCredentials, Client, Metadata, status } from '@grpc/grpc-js';
import type { StatusObject } from '@grpc/grpc-js';
import { SessionRequestSchema, SessionResponseSchema } from '../../gen/tollgate/v1/decision_pb.ts';
import type { BatchReportResult, SessionResponse } from '../../gen/tollgate/v1/decision_pb.ts';
import { detailsOf, errorDetails } from '../../src/client/error-details.ts';
import type { ErrorDetails } from '../../src/client/error-details.ts';
import { gatewaySecret } from './data-server.ts';

/** What a Session's message asks for. */
export type Operation = NonNullable<MessageInitShape<typeof SessionRequestSchema>['operation']>;

/** How a stream or a message ended: the code's name and the reason of its ErrorInfo. */
export type End = readonly [code: string | undefined, reason: string | undefined];

/** What became of one message or one report. */
type Result = SessionResponse['result'];

/** An error among answers. */
export interface Refusal extends ErrorDetails {
  readonly code: string | undefined;
  readonly message: string;
}

/** One stream of `DecisionService.Session`, as a test drives it. */
export interface TestSession extends Disposable {
  /** Resolves when the server has let the caller in. */
  readonly admitted: Promise<void>;
  /** The correlation ids of the answers, as they came. */
  readonly order: readonly string[];
  /** How the stream ended. */
  readonly end: Promise<End>;
  /** Sends a message and waits for the next answer with its correlation id. */
  ask(correlationId: string, operation: Operation): Promise<Result>;
  /** The next answer with a correlation id. */
  answer(correlationId: string): Promise<Result>;
  /** Sends bytes as one message; false when the network holds them up. */
  send(bytes: Uint8Array): boolean;
  /** Resolves when the network takes more. */
  drained(): Promise<void>;
  /** Answers are left where they are until `resume`. */
  pause(): void;
  resume(): void;
  closeHalf(): void;
  cancel(): void;
}

/** Opens a stream over a connection of its own. */
export function openSession(
  address: string,
  token: string | undefined = gatewaySecret,
): TestSession {
  const client = new Client(address, ChannelCredentials.createInsecure());
  const metadata = new Metadata();
  if (token !== '') metadata.set('authorization', `Bearer ${token}`);
  const stream = client.makeBidiStreamRequest(
    '/tollgate.v1.DecisionService/Session',
    (bytes: Uint8Array) => Buffer.from(bytes),
    (bytes: Buffer) => fromBinary(SessionResponseSchema, bytes),
    metadata,
  );
  const admitted = Promise.withResolvers<void>();
  const end = Promise.withResolvers<End>();
  const order: string[] = [];
  const awaited = new Map<string, ((result: Result) => void)[]>();
  stream.on('metadata', () => admitted.resolve());
  stream.on('data', ({ correlationId, result }: SessionResponse) => {
    order.push(correlationId);
    awaited.get(correlationId)?.shift()?.(result);
  });
  stream.on('error', () => {
    // The status, which always comes, says the same.
  });
  stream.on('status', (ended: StatusObject) => end.resolve(endOf(ended)));

  function answer(correlationId: string): Promise<Result> {
    return new Promise((resolve) => {
      awaited.set(correlationId, [...(awaited.get(correlationId) ?? []), resolve]);
    });
  }
  return {
    admitted: admitted.promise,
    order,
    end: end.promise,
    answer,
    ask(correlationId, operation) {
      const answered = answer(correlationId);
      stream.write(messageBytes(correlationId, operation));
      return answered;
    },
    send: (bytes) => stream.write(bytes),
    drained: () => new Promise((resolve) => stream.once('drain', resolve)),
    pause: () => stream.pause(),
    resume: () => stream.resume(),
    closeHalf: () => stream.end(),
    cancel: () => stream.cancel(),
    [Symbol.dispose]() {
      stream.cancel();
      client.close();
    },
  };
}

/** A message as it is sent. */
export function messageBytes(correlationId: string, operation: Operation): Uint8Array {
  return toBinary(SessionRequestSchema, create(SessionRequestSchema, { correlationId, operation }));
}

/** The error that a message or a report was answered with. */
export function errorOf(result: Result | BatchReportResult['result']): Refusal {
  if (result.case !== 'error') throw new Error(`expected an error, not ${result.case}`);
  return {
    code: status[result.value.code],
    message: result.value.message,
    ...detailsOf(result.value),
  };
}

function endOf(ended: StatusObject): End {
  const { reason } = errorDetails(Object.assign(new Error(ended.details), ended));
  return [status[ended.code], reason];
}
