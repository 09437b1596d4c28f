import type { ServerHttp2Stream } from 'node:http2';
import type { Connection } from '../connections/connections.ts';
import { tooMuchUnread } from '../connections/unread-bytes.ts';
import type { UnreadBytes } from '../connections/unread-bytes.ts';
import { ServiceError } from '../platform/service-error.ts';
import { createMessageMeter } from './message-meter.ts';
import type { MessageMeter } from './message-meter.ts';

/** How much the requests of a stream may send. */
export interface BodyLimits {
  readonly isUnary: boolean;
  /** Of the whole body. */
  readonly mostBytes: number;
}

/** Follows what a stream sends, before grpc-js reads it, and refuses what is too much. */
export function watchBody(
  stream: ServerHttp2Stream,
  connection: Connection,
  limits: BodyLimits,
  unread: UnreadBytes,
  refuse: (error: ServiceError) => void,
): void {
  let meter: MessageMeter | undefined;
  let bytes = 0;
  let counted = 0;
  let isOver = false;

  function fault(chunk: Buffer): ServiceError | undefined {
    if (bytes > limits.mostBytes) return tooLarge(limits.mostBytes);
    if (meter === undefined) {
      const isFirst = bytes === chunk.length;
      // Most calls are one message that arrives in one piece, which leaves nothing to follow.
      if (isFirst && limits.isUnary && isOneMessage(chunk)) return undefined;
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
    if (error === undefined) return;
    isOver = true;
    refuse(error);
  });
  stream.once('close', () => {
    isOver = true;
    if (counted > 0) unread.add(connection, -counted);
  });
}

/** Whether these bytes are a gRPC message with its header, and nothing else. */
function isOneMessage(bytes: Buffer): boolean {
  return bytes.length >= 5 && bytes.readUInt32BE(1) === bytes.length - 5;
}

function trailingBytes(): ServiceError {
  const message = 'expected one message, but more bytes follow it';
  return new ServiceError('MESSAGE_TRAILING_BYTES', message);
}

function tooLarge(mostBytes: number): ServiceError {
  const message = `expected at most ${mostBytes} bytes`;
  return new ServiceError('MESSAGE_TOO_LARGE', message, {
    metadata: { max_bytes: String(mostBytes) },
  });
}
