/** The types of frames that the load generator writes or reads (RFC 9113, section 6). */
export const frameType = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
} as const;

/** Flags of frames. */
export const frameFlag = { acknowledge: 1, endStream: 1, endHeaders: 4, padded: 8 } as const;

/** The bytes before a frame's payload. */
export const frameHeadBytes = 9;

/** One frame. */
export function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(frameHeadBytes);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A WINDOW_UPDATE frame of the whole connection. */
export function windowUpdate(bytes: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(bytes, 0);
  return frame(frameType.windowUpdate, 0, 0, payload);
}

/** The first bytes of a client: it wants no pushes and allows the other side no dynamic table of headers. */
export function clientPreface(): Buffer {
  const settings = Buffer.alloc(12);
  const [headerTableSize, enablePush] = [1, 2];
  settings.writeUInt16BE(headerTableSize, 0);
  settings.writeUInt32BE(0, 2);
  settings.writeUInt16BE(enablePush, 6);
  settings.writeUInt32BE(0, 8);
  const magic = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  return Buffer.concat([magic, frame(frameType.settings, 0, 0, settings)]);
}
