import { createBrotliDecompress, createGunzip } from 'node:zlib';
import { messageTooLarge, trailingBytes } from './message-faults.ts';

const engines: Readonly<Record<string, typeof createGunzip | typeof createBrotliDecompress>> = {
  gzip: createGunzip,
  br: createBrotliDecompress,
};
const chunkSize = 64 * 1024;

/**
 * Decompresses a message, and stops as soon as more than `maxBytes` have come of it: RESOURCE_EXHAUSTED
 * `MESSAGE_TOO_LARGE`. Bytes after the compressed ones, which zlib would ignore, are INVALID_ARGUMENT
 * `MESSAGE_TRAILING_BYTES`. Throws what zlib throws for bytes that it cannot read.
 */
export async function decompress(
  name: string,
  bytes: Uint8Array,
  maxBytes: number,
): Promise<Uint8Array> {
  const engine = engines[name]?.({ chunkSize });
  if (engine === undefined) throw new Error(`no such compression: ${name}`);
  const kept: Buffer[] = [];
  let size = 0;
  engine.end(bytes);
  // Leaving the loop destroys the engine.
  for await (const chunk of engine as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw messageTooLarge(maxBytes);
    kept.push(chunk);
  }
  if (engine.bytesWritten < bytes.length) throw trailingBytes();
  return Buffer.concat(kept, size);
}
