import type { DescMessage } from '@bufbuild/protobuf';
import { ServiceError } from '../../platform/service-error.ts';

/** INVALID_ARGUMENT `MESSAGE_UNDECODABLE`: the body is not the message that it should be. */
export function undecodable(desc: DescMessage, cause?: unknown): ServiceError {
  const message = `the request is not a ${desc.typeName}`;
  return new ServiceError('MESSAGE_UNDECODABLE', message, { cause });
}

/** RESOURCE_EXHAUSTED `MESSAGE_TOO_LARGE`. */
export function messageTooLarge(maxBytes: number): ServiceError {
  const message = `a message may have at most ${maxBytes} bytes`;
  return new ServiceError('MESSAGE_TOO_LARGE', message, {
    metadata: { max_bytes: String(maxBytes) },
  });
}

/** INVALID_ARGUMENT `MESSAGE_TRAILING_BYTES`: a call has one message, and nothing after it. */
export function trailingBytes(): ServiceError {
  const message = 'the request has more bytes after its message';
  return new ServiceError('MESSAGE_TRAILING_BYTES', message);
}
