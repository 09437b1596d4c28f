import { fromBinary, fromJson } from '@bufbuild/protobuf';
import type { DescMessage, JsonValue } from '@bufbuild/protobuf';
import { ConnectError } from '@connectrpc/connect';
import { readAllBytes } from '@connectrpc/connect/protocol';
import type { UniversalServerRequest } from '@connectrpc/connect/protocol';
import { ServiceError } from '../platform/service-error.ts';
import { noteJsonFaults } from '../wire/json-faults.ts';
import { collectViolations } from '../wire/violations.ts';
import { connectError } from './refusal.ts';

/** A gRPC frame's head: one byte of flags, four of length. */
const frameHead = 5;

/**
 * The body of a request, refused with our own details if it cannot be read as the message that it should be:
 * Connect's own errors for that name neither reason nor field. A compressed one is left to Connect.
 */
export async function* checkedBody(
  { header, body }: UniversalServerRequest,
  desc: DescMessage,
  maxBytes: number,
): AsyncGenerator<Uint8Array> {
  const type = header.get('content-type') ?? '';
  const isFramed = type.startsWith('application/grpc');
  const bytes = await readBounded(body, isFramed ? maxBytes + frameHead : maxBytes);
  const isCompressed = isFramed
    ? (bytes[0] ?? 0) !== 0
    : (header.get('content-encoding') ?? 'identity') !== 'identity';
  if (!isCompressed) {
    try {
      check(desc, isFramed ? bytes.subarray(frameHead) : bytes, type.includes('json'));
    } catch (cause) {
      throw connectError(cause);
    }
  }
  yield bytes;
}

async function readBounded(
  body: UniversalServerRequest['body'],
  maxBytes: number,
): Promise<Uint8Array> {
  if (typeof body !== 'object' || body === null || !(Symbol.asyncIterator in body)) {
    throw new Error('a body that is no stream of bytes');
  }
  try {
    return await readAllBytes(body, maxBytes);
  } catch (cause) {
    if (!(cause instanceof ConnectError)) throw cause;
    const message = `a message may have at most ${maxBytes} bytes`;
    throw connectError(new ServiceError('RESOURCE_EXHAUSTED', 'MESSAGE_TOO_LARGE', message));
  }
}

function check(desc: DescMessage, bytes: Uint8Array, isJson: boolean): void {
  try {
    if (!isJson) return void fromBinary(desc, bytes);
    const json = parse(bytes);
    const violations = collectViolations();
    noteJsonFaults(violations, desc, json);
    violations.throwIfAny();
    fromJson(desc, json, { ignoreUnknownFields: false });
  } catch (cause) {
    if (cause instanceof ServiceError) throw cause;
    throw new ServiceError(
      'INVALID_ARGUMENT',
      'MESSAGE_UNDECODABLE',
      `the request is not a ${desc.typeName}`,
      { cause },
    );
  }
}

function parse(bytes: Uint8Array): JsonValue {
  return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as JsonValue;
}
