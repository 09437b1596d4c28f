import type { ServerHttp2Stream } from 'node:http2';
import type { Connection } from '../connections/connections.ts';
import { tooMuchUnread } from '../connections/unread-bytes.ts';
import type { UnreadBytes } from '../connections/unread-bytes.ts';
import { ServiceError } from '../platform/service-error.ts';
import { messageTooLarge } from './give-reasons.ts';
import { createMessageMeter } from './message-meter.ts';
import type { MessageMeter } from './message-meter.ts';

/** How much the requests of a stream may send. */
export interface BodyLimits {
  readonly isUnary: boolean;
  /** Of the whole body. */
  readonly mostBytes: number;
  /** Of one message. */
  readonly mostMessageBytes: number;
}

/** What becomes of a stream that sends too much. */
export interface BodyFaults {
  /** It ends with this error. */
  refuse(error: ServiceError): void;
  /** grpc-js ends it: a message has begun that is too large. Called before grpc-js knows it. */
  tooLarge(): void;
}

/** Follows what a stream sends, before grpc-js reads it, and refuses what is too much. */
export function watchBody(
  stream: ServerHttp2Stream,
  connection: Connection,
  limits: BodyLimits,
  unread: UnreadBytes,
  faults: BodyFaults,
): void {
  let meter: MessageMeter | undefined;
  let bytes = 0;
  let counted = 0;
  let isOver = false;

  function fault(chunk: Buffer): ServiceError | undefined {
    if (bytes > limits.mostBytes) return messageTooLarge(limits.mostBytes);
    if (meter === undefined) {
      const isFirst = bytes === chunk.length;
      // Most calls are one message that arrives in one piece, which leaves nothing to follow.
      if (isFirst && limits.isUnary && isOneMessage(chunk, limits.mostMessageBytes))
        return undefined;
      meter = createMessageMeter(isFirst ? 0 : 1);
    }
    meter.push(chunk);
    if (limits.isUnary && meter.begun > 1) return trailingBytes();
    const change = meter.unread - counted;
    counted = meter.unread;
    return change === 0 || unread.add(connection, change) || change < 0
      ? undefined
      : tooMuchUnread();
  }

  stream.on('data', (chunk: Buffer) => {
    if (isOver) return;
    bytes += chunk.length;
    const error = fault(chunk);
    const isTooLarge = meter !== undefined && meter.longest > limits.mostMessageBytes;
    isOver = isTooLarge || error !== undefined;
    if (isTooLarge) faults.tooLarge();
    else if (error !== undefined) faults.refuse(error);
  });
  stream.once('close', () => {
    isOver = true;
    if (counted > 0) unread.add(connection, -counted);
  });
}

/** Whether these bytes are a gRPC message with its header, of a legal length, and nothing else. */
function isOneMessage(bytes: Buffer, mostBytes: number): boolean {
  const length = bytes.length - 5;
  return length >= 0 && length <= mostBytes && bytes.readUInt32BE(1) === length;
}

function trailingBytes(): ServiceError {
  const message = 'expected one message, but more bytes follow it';
  return new ServiceError('MESSAGE_TRAILING_BYTES', message);
}
