import { connect } from 'node:net';
import {
  clientPreface,
  frame,
  frameFlag,
  frameHeadBytes,
  frameType,
  windowUpdate,
} from './frames.ts';
import type { CallTemplate } from './call-template.ts';
import { grpcStatusOf } from './headers.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
/** What either side may send before the other grants more (RFC 9113, section 6.9.2). */
const initialWindow = 65_535;
const receiveWindow = 64 * MiB;

/** What comes from a connection. */
export interface ConnectionEvents {
  /** The whole message of an answer, valid until this returns. */
  readonly message: (stream: number, bytes: Buffer, start: number, end: number) => void;
  /** A call is over. */
  readonly ended: (stream: number, grpcStatus: number | undefined) => void;
  /** The connection does not work, or the other side breaks the protocol as far as it is known here. */
  readonly failed: (cause: Error) => void;
}

/** A connection that sends calls and reads their answers. */
export interface Connection {
  /** Adds a call to what the next `flush` sends; returns its stream. */
  call(template: CallTemplate, number: number, user: number): number;
  flush(): void;
  close(): void;
}

/**
 * Connects to a gRPC server and speaks HTTP/2 without a library: `node:http2` takes 50 microseconds of CPU for each
 * call, which is more than some of the servers that are measured. It understands what those servers send: no
 * padding, no continuation, no dynamic table, no message beyond 64 KiB.
 */
export function createConnection(port: number, events: ConnectionEvents): Connection {
  const outbox = Buffer.allocUnsafe(MiB);
  let outboxBytes = 0;
  let nextStream = 1;
  let sendWindow = initialWindow;
  const socket = connect({
    port,
    host: '127.0.0.1',
    noDelay: true,
    onread: { buffer: Buffer.alloc(64 * KiB), callback: (count, chunk) => receive(count, chunk) },
  });
  socket.on('error', events.failed);
  socket.on('close', () => events.failed(new Error('the server closed the connection')));
  const reader = createFrameReader({ ...events, send, windowGranted });
  send(clientPreface());
  send(windowUpdate(receiveWindow - initialWindow));

  function receive(count: number, chunk: Uint8Array): boolean {
    try {
      reader.read(chunk, count);
      flush();
    } catch (cause) {
      socket.destroy();
      events.failed(cause instanceof Error ? cause : new Error(String(cause)));
    }
    return true;
  }

  function send(bytes: Buffer): void {
    bytes.copy(outbox, outboxBytes);
    outboxBytes += bytes.length;
  }

  function windowGranted(bytes: number): void {
    sendWindow += bytes;
  }

  function flush(): void {
    if (outboxBytes === 0) return;
    socket.write(Buffer.from(outbox.subarray(0, outboxBytes)));
    outboxBytes = 0;
  }

  return {
    call(template, number, user) {
      sendWindow -= template.dataLength;
      if (sendWindow < 0) throw new Error('too many calls in flight for one connection');
      const stream = nextStream;
      nextStream += 2;
      template.write(outbox, outboxBytes, stream, number, user);
      outboxBytes += template.length;
      return stream;
    },
    flush,
    close() {
      socket.removeAllListeners('close');
      socket.destroy();
    },
  };
}

interface ReaderEvents extends Pick<ConnectionEvents, 'message' | 'ended'> {
  readonly send: (bytes: Buffer) => void;
  readonly windowGranted: (bytes: number) => void;
}

/** Takes bytes as they come and acts on each frame that is complete. */
function createFrameReader({ message, ended, send, windowGranted }: ReaderEvents) {
  const inbox = Buffer.allocUnsafe(256 * KiB);
  let inboxBytes = 0;
  let dataBytes = 0;
  /** The messages of which only the beginning has come. */
  const parts = new Map<number, Buffer>();

  function readFrame(start: number, end: number): void {
    const type = inbox[start + 3] ?? 0;
    const flags = inbox[start + 4] ?? 0;
    const stream = inbox.readUInt32BE(start + 5);
    const at = start + frameHeadBytes;
    const isLast = (flags & frameFlag.endStream) !== 0;
    switch (type) {
      case frameType.data:
        if ((flags & frameFlag.padded) !== 0) throw new Error('a padded DATA frame');
        readData(stream, at, end);
        if (isLast) ended(stream, undefined);
        return;
      case frameType.headers:
        if ((flags & frameFlag.endHeaders) === 0) throw new Error('headers with a continuation');
        if (isLast) ended(stream, grpcStatusOf(inbox, at, end));
        return;
      case frameType.settings:
        if ((flags & frameFlag.acknowledge) !== 0) return;
        return send(frame(frameType.settings, frameFlag.acknowledge, 0, Buffer.alloc(0)));
      case frameType.ping: {
        if ((flags & frameFlag.acknowledge) !== 0) return;
        return send(frame(frameType.ping, frameFlag.acknowledge, 0, inbox.subarray(at, end)));
      }
      case frameType.windowUpdate:
        return stream === 0 ? windowGranted(inbox.readUInt32BE(at)) : undefined;
      case frameType.reset:
        throw new Error(`stream ${stream} was reset with code ${inbox.readUInt32BE(at)}`);
      case frameType.goAway:
        throw new Error(`the server goes away with code ${inbox.readUInt32BE(at + 4)}`);
      default:
        throw new Error(`a frame of type ${type}`);
    }
  }

  function readData(stream: number, start: number, end: number): void {
    dataBytes += end - start;
    if (dataBytes > receiveWindow / 2) {
      send(windowUpdate(dataBytes));
      dataBytes = 0;
    }
    const begun = parts.get(stream);
    if (begun === undefined && isWhole(inbox, start, end)) {
      message(stream, inbox, start + 5, end);
      return;
    }
    const all = Buffer.concat([begun ?? Buffer.alloc(0), inbox.subarray(start, end)]);
    if (isWhole(all, 0, all.length)) {
      parts.delete(stream);
      message(stream, all, 5, all.length);
    } else parts.set(stream, all);
  }

  return {
    read(chunk: Uint8Array, count: number): void {
      inbox.set(count === chunk.length ? chunk : chunk.subarray(0, count), inboxBytes);
      inboxBytes += count;
      let at = 0;
      while (inboxBytes - at >= frameHeadBytes) {
        const end = at + frameHeadBytes + inbox.readUIntBE(at, 3);
        if (end > inboxBytes) break;
        readFrame(at, end);
        at = end;
      }
      inbox.copyWithin(0, at, inboxBytes);
      inboxBytes -= at;
    },
  };
}

/** Whether the bytes are a gRPC message with its prefix, complete. */
function isWhole(bytes: Buffer, start: number, end: number): boolean {
  return end - start >= 5 && bytes.readUInt32BE(start + 1) === end - start - 5;
}
