const KiB = 1024;
const MiB = 1024 * KiB;

/**
 * A price list is sent as a text inside of JSON; what is larger takes the event loop for too long to parse. The
 * ordinary bound is far above the largest legal form of the others.
 */
const large: Readonly<Record<string, number>> = { ImportPrices: 3 * MiB };
const ordinary = 256 * KiB;
/** Policies, or 200 prices, may need all that the setting allows. */
const asSet: ReadonlySet<string> = new Set([
  'UpdatePolicy',
  'BatchUpdatePolicies',
  'UpdateLimits',
  'CreateOrganization',
  'AppendPrices',
  'ExplainCall',
]);

/** The most bytes that a message of an RPC may have, compressed and not. */
export function maxBytesOf(rpc: string, maxMessageBytes: number): number {
  if (asSet.has(rpc)) return maxMessageBytes;
  return large[rpc] ?? Math.min(maxMessageBytes, ordinary);
}

/** The most bytes that a message of any RPC may have. */
export function maxBytesOfAny(maxMessageBytes: number): number {
  return Math.max(maxMessageBytes, ...Object.values(large));
}
