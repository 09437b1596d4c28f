/** Follows gRPC's framing of one stream: how many messages have begun, and what has come of the last. */
export interface MessageMeter {
  push(chunk: Buffer): void;
  /** Messages of which at least a byte has come. */
  readonly begun: number;
  /** Bytes of the longest message that has begun, as its header says; without the header. */
  readonly longest: number;
  /** Bytes of the message that has not come whole; 0 between messages. */
  readonly unread: number;
}

const headerBytes = 5;

/** Starts between messages, after some that came whole. */
export function createMessageMeter(whole: number): MessageMeter {
  let begun = whole;
  let unread = 0;
  let length = 0;
  let longest = 0;

  /** Reads what it can of one message; where the next byte to read is. */
  function step(chunk: Buffer, at: number): number {
    if (unread < headerBytes) {
      if (unread === 0) [begun, length] = [begun + 1, 0];
      if (unread > 0) length = length * 256 + (chunk[at] ?? 0);
      unread += 1;
      if (unread === headerBytes) longest = Math.max(longest, length);
      if (unread === headerBytes && length === 0) unread = 0;
      return at + 1;
    }
    const taken = Math.min(headerBytes + length - unread, chunk.length - at);
    unread += taken;
    if (unread === headerBytes + length) unread = 0;
    return at + taken;
  }

  return {
    push(chunk) {
      for (let at = 0; at < chunk.length;) at = step(chunk, at);
    },
    get begun() {
      return begun;
    },
    get longest() {
      return longest;
    },
    get unread() {
      return unread;
    },
  };
}
