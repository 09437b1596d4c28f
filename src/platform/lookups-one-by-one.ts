import { batchLookups } from './batch-lookups.ts';
import type { BatchLookupBounds, LoadOne } from './batch-lookups.ts';
import { inTime } from './in-time.ts';

/** How keys are looked up each by itself. */
export interface OneByOneBounds extends BatchLookupBounds {
  /** How long those who ask for other keys wait for one, milliseconds. */
  readonly timeoutMs: number;
  /** What the look-up of a key fails with that takes longer. */
  readonly late: () => Error;
}

/** Queries at once. */
const atOnce = 4;

/**
 * As `batchLookups`, but with a query for each key: on a distributed PostgreSQL it goes to the node of the key alone,
 * and the loss of a node fails the look-ups of its own keys and no others.
 */
export function lookupsOneByOne<Value>(
  load: (key: string) => Promise<Value | undefined>,
  bounds: OneByOneBounds,
): LoadOne<Value> {
  type Settled = PromiseSettledResult<Value | undefined>;

  async function settle(key: string): Promise<Settled> {
    const [settled] = await Promise.allSettled([inTime(load(key), bounds.timeoutMs, bounds.late)]);
    return settled;
  }

  async function loadMany(keys: readonly string[]): Promise<ReadonlyMap<string, Settled>> {
    const results = new Map<string, Settled>();
    const waiting = keys.values();
    const worker = async (): Promise<void> => {
      for (const key of waiting) results.set(key, await settle(key));
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
    return results;
  }

  const lookUp = batchLookups(loadMany, bounds);
  return async (key, owner) => {
    const settled = await lookUp(key, owner);
    if (settled?.status === 'rejected') throw settled.reason;
    return settled?.value;
  };
}
