/**
 * Reads single fields of a protobuf message where it lies, without decoding the rest: decoding each answer would
 * cost the load generator more than everything else it does.
 */

/** Where the value of a field begins, after its tag; -1 if the message between the offsets does not have it. */
export function findField(bytes: Buffer, start: number, end: number, field: number): number {
  let at = start;
  while (at < end) {
    const tag = readVarint(bytes, at);
    at += varintBytes(bytes, at);
    if (tag >>> 3 === field) return at;
    at = afterValue(bytes, at, tag & 7);
  }
  return -1;
}

/** The varint at an offset; exact up to 2^53. */
export function readVarint(bytes: Buffer, at: number): number {
  let value = 0;
  let scale = 1;
  for (let offset = at; ; offset += 1) {
    const byte = bytes[offset] ?? 0;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return value;
    scale *= 128;
  }
}

/** How many bytes the varint at an offset has. */
export function varintBytes(bytes: Buffer, at: number): number {
  let offset = at;
  while ((bytes[offset] ?? 0) >= 0x80) offset += 1;
  return offset - at + 1;
}

function afterValue(bytes: Buffer, at: number, wireType: number): number {
  switch (wireType) {
    case 0:
      return at + varintBytes(bytes, at);
    case 1:
      return at + 8;
    case 2:
      return at + varintBytes(bytes, at) + readVarint(bytes, at);
    case 5:
      return at + 4;
    default:
      throw new Error(`a message with wire type ${wireType}`);
  }
}
