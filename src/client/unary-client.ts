import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type {
  DescMessage,
  DescMethodUnary,
  MessageInitShape,
  MessageShape,
} from '@bufbuild/protobuf';
import { Client, Metadata } from '@grpc/grpc-js';
import type { ChannelCredentials, ClientOptions } from '@grpc/grpc-js';

/** How one call is made. */
export interface CallSettings {
  /** Milliseconds; without it the call waits as long as the server does. */
  readonly timeoutMs?: number;
  readonly metadata?: Metadata;
}

/** A gRPC client for any unary method, known by its descriptor. */
export interface UnaryClient {
  /** Calls a method; fails with grpc-js's ServiceError. */
  call<In extends DescMessage, Out extends DescMessage>(
    method: DescMethodUnary<In, Out>,
    request: MessageInitShape<In>,
    settings?: CallSettings,
  ): Promise<MessageShape<Out>>;
  close(): void;
}

/** Connects to `host:port`; `token` is sent as `authorization: Bearer`. */
export function createUnaryClient(parts: {
  readonly address: string;
  readonly credentials: ChannelCredentials;
  readonly token?: string | undefined;
  readonly options?: ClientOptions;
}): UnaryClient {
  const client = new Client(parts.address, parts.credentials, parts.options);
  const standing = new Metadata();
  if (parts.token !== undefined) standing.set('authorization', `Bearer ${parts.token}`);
  return {
    call: (method, request, settings = {}) =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(
          `/${method.parent.typeName}/${method.name}`,
          (message: MessageShape<typeof method.input>) =>
            Buffer.from(toBinary(method.input, message)),
          (bytes: Buffer) => fromBinary(method.output, bytes),
          create(method.input, request),
          settings.metadata ?? standing,
          settings.timeoutMs === undefined ? {} : { deadline: Date.now() + settings.timeoutMs },
          (error, response) => {
            if (error !== null) reject(error);
            else if (response === undefined) reject(new Error('answered without a message'));
            else resolve(response);
          },
        );
      }),
    close: () => client.close(),
  };
}
