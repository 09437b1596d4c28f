import type { ServerDuplexStream } from '@grpc/grpc-js';
import { ServiceError } from '../platform/service-error.ts';

/** How much a stream may ask of the server. */
export interface StreamLimits {
  /** Messages that were read and whose answers the network has not taken yet. */
  readonly mostUnderWay: number;
  /** How long an answer may wait to be taken. */
  readonly stallMs: number;
}

/** A stream whose messages are being answered. */
export interface AnsweredStream {
  /** Resolves when the client has closed its half and every answer is taken; rejects with why it ends else. */
  readonly ended: Promise<void>;
  /** Reads no more, waits until the answers under way are taken, and ends with this. */
  finish(reason: ServiceError): void;
}

/**
 * Reads a stream's messages and writes their answers in the order in which they come. `answer` calls `reply`
 * once, whatever happens.
 *
 * Bounded: no message is read while `mostUnderWay` are unanswered or their answers untaken, so a slow reader's own
 * writes are held up by the flow control of HTTP/2, and what waits here is at most so many answers. One who
 * takes none for `stallMs` is cut, and what waits is dropped. Of the rest one answer at most is with the network;
 * the status follows it, so a reader who comes back learns why. (HTTP/2 cannot send a status past that answer.)
 */
export function answerStream(
  call: ServerDuplexStream<Buffer, Buffer>,
  limits: StreamLimits,
  answer: (message: Buffer, reply: (bytes: Buffer) => void) => void,
): AnsweredStream {
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>();
  const writer = createWriter(call, limits.stallMs, { taken, stalled: () => end(notTaken()) });
  let state: 'open' | 'finishing' | 'over' = 'open';
  let ending: ServiceError | undefined;
  let underWay = 0;

  function end(reason: ServiceError | undefined): void {
    if (state === 'over') return;
    state = 'over';
    call.pause();
    writer.stop();
    if (reason === undefined) resolve();
    else reject(reason);
  }

  function finish(reason: ServiceError | undefined): void {
    if (state !== 'open') return;
    state = 'finishing';
    ending = reason;
    call.pause();
    if (underWay === 0) end(ending);
  }

  function taken(): void {
    underWay -= 1;
    if (state === 'open') call.resume();
    else if (underWay === 0) end(ending);
  }

  call.on('data', (message: Buffer) => {
    if (state !== 'open') return;
    underWay += 1;
    if (underWay >= limits.mostUnderWay) call.pause();
    answer(message, writer.write);
  });
  call.on('end', () => finish(undefined));
  call.on('cancelled', () => end(cancelled()));
  if (call.cancelled) end(cancelled());
  return { ended, finish };
}

/** Hands answers to the network, the next when it has taken the one before. */
function createWriter(
  call: ServerDuplexStream<Buffer, Buffer>,
  stallMs: number,
  tell: { readonly taken: () => void; readonly stalled: () => void },
) {
  const waiting: Buffer[] = [];
  let isWriting = false;
  let isStopped = false;
  // One timer for all answers: each moves it on, and in a quiet stream it has nothing to say.
  const stallTimer = setTimeout(() => {
    if (isWriting) tell.stalled();
  }, stallMs);

  function send(bytes: Buffer): void {
    isWriting = true;
    stallTimer.refresh();
    call.write(bytes, taken);
  }

  function taken(): void {
    isWriting = false;
    if (isStopped) return;
    const next = waiting.shift();
    if (next !== undefined) send(next);
    tell.taken();
  }

  return {
    write(this: void, bytes: Buffer): void {
      if (isStopped) return;
      if (isWriting) waiting.push(bytes);
      else send(bytes);
    },
    /** Drops what waits, and whatever comes. */
    stop(): void {
      isStopped = true;
      waiting.length = 0;
      clearTimeout(stallTimer);
    },
  };
}

/** This is only logged: the client ended the stream, and nothing can be sent any more. */
function cancelled(): ServiceError {
  const message = 'ended by the client, its deadline, or a message that is too large';
  return new ServiceError('CANCELLED', message);
}

function notTaken(): ServiceError {
  const message = 'answers were not read in time: read them while you write';
  return new ServiceError('ANSWERS_NOT_TAKEN', message, {
    retryAfterMs: 1000,
  });
}
