import { encodeHeaders } from './headers.ts';
import { frame, frameFlag, frameHeadBytes, frameType } from './frames.ts';

/** How many decimal digits the numbers in requests have, so that all requests of a template are of one length. */
const digits = 9;

/** Stands in a message where each call writes its own number. */
export const numberMark = 'N'.repeat(digits);

/** Stands in a message where each call writes the number of its user. */
export const userMark = 'U'.repeat(digits);

/** The frames of a call, made ahead: only the stream and the numbers are written for each call. */
export interface CallTemplate {
  /** HEADERS and DATA. */
  readonly length: number;
  /** What the call takes of the connection's flow-control window. */
  readonly dataLength: number;
  /** Writes the frames of one call at an offset. */
  write(into: Buffer, at: number, stream: number, number: number, user: number): void;
}

/** Makes the template of a gRPC call with these headers (RFC 9113 wants those with a colon first) and message. */
export function createCallTemplate(
  headers: Readonly<Record<string, string>>,
  message: Uint8Array,
): CallTemplate {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  const data = Buffer.concat([prefix, message]);
  const head = frame(frameType.headers, frameFlag.endHeaders, 0, encodeHeaders(headers));
  const bytes = Buffer.concat([head, frame(frameType.data, frameFlag.endStream, 0, data)]);
  const streamAt = [5, head.length + 5];
  const messageAt = head.length + frameHeadBytes + prefix.length;
  const numberAt = offsetsOf(bytes, numberMark, messageAt);
  const userAt = offsetsOf(bytes, userMark, messageAt);
  return {
    length: bytes.length,
    dataLength: data.length,
    write(into, at, stream, number, user) {
      bytes.copy(into, at);
      for (const offset of streamAt) into.writeUInt32BE(stream, at + offset);
      for (const offset of numberAt) writeDigits(into, at + offset, number);
      for (const offset of userAt) writeDigits(into, at + offset, user);
    },
  };
}

function offsetsOf(bytes: Buffer, mark: string, from: number): number[] {
  const at = bytes.indexOf(mark, from);
  return at === -1 ? [] : [at, ...offsetsOf(bytes, mark, at + mark.length)];
}

function writeDigits(into: Buffer, at: number, number: number): void {
  let rest = number;
  for (let offset = at + digits - 1; offset >= at; offset -= 1) {
    const tens = Math.floor(rest / 10);
    into[offset] = 48 + rest - tens * 10;
    rest = tens;
  }
}

/** The number that the digits at an offset make. */
export function readDigits(bytes: Buffer, at: number): number {
  let number = 0;
  for (let offset = at; offset < at + digits; offset += 1) {
    number = number * 10 + (bytes[offset] ?? 0) - 48;
  }
  return number;
}
