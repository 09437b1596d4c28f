import { fromBinary, toBinary } from '@bufbuild/protobuf';
import type { DescMessage, DescService, MessageShape } from '@bufbuild/protobuf';
import type { MethodDefinition } from '@grpc/grpc-js';
import { ServiceError } from '../platform/service-error.ts';
import { checkBinaryShape } from '../wire/binary-shape.ts';

/** A service's methods with messages left as bytes: they are read and written inside the call, not by grpc-js. */
export type BytesDefinition = Record<string, MethodDefinition<Buffer, Buffer>>;

/** The grpc-js definition of a service, from its descriptor. */
export function bytesDefinition(service: DescService): BytesDefinition {
  const methods = service.methods.map((method): [string, MethodDefinition<Buffer, Buffer>] => [
    method.localName,
    {
      path: `/${service.typeName}/${method.name}`,
      requestStream: method.methodKind === 'client_streaming' || isBidi(method.methodKind),
      responseStream: method.methodKind === 'server_streaming' || isBidi(method.methodKind),
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    },
  ]);
  return Object.fromEntries(methods);
}

/** A batch of 1,000 reports with all their teams and labels has some 85,000 parts, four deep. */
const dataBounds = { maxParts: 100_000, maxDepth: 8 };
/** Below this a message cannot have enough parts to matter. */
const smallBytes = 16 * 1024;

/**
 * Reads a message; bytes that are none are INVALID_ARGUMENT `MESSAGE_UNDECODABLE`, those of more parts than any
 * legal one are `MESSAGE_TOO_COMPLEX`. Unknown fields are kept, so that they can be refused where it is read.
 */
export function decode<Desc extends DescMessage>(desc: Desc, bytes: Buffer): MessageShape<Desc> {
  try {
    if (bytes.length > smallBytes) checkBinaryShape(desc, bytes, dataBounds);
    return fromBinary(desc, bytes);
  } catch (cause) {
    if (cause instanceof ServiceError) throw cause;
    const message = `the request is not a ${desc.typeName}`;
    throw new ServiceError('MESSAGE_UNDECODABLE', message, { cause });
  }
}

/** Writes a message. */
export function encode<Desc extends DescMessage>(desc: Desc, message: MessageShape<Desc>): Buffer {
  const bytes = toBinary(desc, message);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function isBidi(kind: string): boolean {
  return kind === 'bidi_streaming';
}

function same(bytes: Buffer): Buffer {
  return bytes;
}
