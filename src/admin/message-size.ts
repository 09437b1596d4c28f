const MiB = 1024 * 1024;

/** What carries a whole file: price lists have some three million characters. */
const large: Readonly<Record<string, number>> = { ImportPrices: 8 * MiB };

/** The most bytes that a message of an RPC may have, where others may have `maxMessageBytes`. */
export function maxBytesOf(rpc: string, maxMessageBytes: number): number {
  return Math.max(maxMessageBytes, large[rpc] ?? 0);
}

/** The most bytes that a message of any RPC may have. */
export function maxBytesOfAny(maxMessageBytes: number): number {
  return Math.max(maxMessageBytes, ...Object.values(large));
}
