import type { ServerHttp2Stream } from 'node:http2';
import type { Connection } from '../connections/connections.ts';
import { tooMuchUnread } from '../connections/unread-bytes.ts';
import type { UnreadBytes } from '../connections/unread-bytes.ts';
import { ServiceError } from '../platform/service-error.ts';
import { createMessageMeter } from './message-meter.ts';

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
  const meter = createMessageMeter();
  let bytes = 0;
  let counted = 0;
  let isOver = false;

  function fault(): ServiceError | undefined {
    if (limits.isUnary && meter.begun > 1) return trailingBytes();
    if (bytes > limits.mostBytes) return tooLarge(limits.mostBytes);
    const change = meter.unread - counted;
    counted = meter.unread;
    return change === 0 || unread.add(connection, change) || change < 0
      ? undefined
      : tooMuchUnread();
  }

  stream.on('data', (chunk: Buffer) => {
    if (isOver) return;
    bytes += chunk.length;
    meter.push(chunk);
    const error = fault();
    if (error === undefined) return;
    isOver = true;
    refuse(error);
  });
  stream.once('close', () => {
    isOver = true;
    if (counted > 0) unread.add(connection, -counted);
  });
}

function trailingBytes(): ServiceError {
  const message = 'expected one message, but more bytes follow it';
  return new ServiceError('INVALID_ARGUMENT', 'MESSAGE_TRAILING_BYTES', message);
}

function tooLarge(mostBytes: number): ServiceError {
  const message = `expected at most ${mostBytes} bytes`;
  return new ServiceError('RESOURCE_EXHAUSTED', 'MESSAGE_TOO_LARGE', message);
}
