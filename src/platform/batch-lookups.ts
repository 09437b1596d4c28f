import { setTimeout as delay } from 'node:timers/promises';
import { createFairShares } from './fair-shares.ts';
import type { FairShares } from './fair-shares.ts';

/** Looks many keys up at once; keys that are absent are left out of the answer. */
export type LoadMany<Value> = (keys: readonly string[]) => Promise<ReadonlyMap<string, Value>>;

/**
 * One key of many that were looked up together. Those who ask on behalf of `owner` share the places of the next
 * query with the other owners, as `FairShares` says; without an owner the places are bounded all together.
 */
export type LoadOne<Value> = (key: string, owner?: string) => Promise<Value | undefined>;

/** How a batch of look-ups is bounded. */
export interface BatchLookupBounds {
  /** Keys that may wait for the next query; more are refused with what `full` makes. */
  readonly maxKeys: number;
  readonly full: () => Error;
  /** The least time between the starts of two queries; a first query starts at once. Default 0. */
  readonly intervalMs?: number;
}

interface Round<Value> {
  readonly keys: Set<string>;
  readonly shares: FairShares;
  readonly answer: Promise<ReadonlyMap<string, Value>>;
}

/**
 * Turns single look-ups into few large ones: one query runs at a time, and the keys that arrive meanwhile
 * share the next. So a flood of keys, known or not, costs the store one query at a time, and at most one
 * per `intervalMs`. Every answer comes from a query that began after its key was asked for.
 */
export function batchLookups<Value>(
  load: LoadMany<Value>,
  { maxKeys, full, intervalMs = 0 }: BatchLookupBounds,
): LoadOne<Value> {
  let last: Promise<unknown> = Promise.resolve();
  let collecting: Round<Value> | undefined;
  let startedMs = -Infinity;

  async function interval(): Promise<void> {
    const waitMs = startedMs + intervalMs - performance.now();
    if (waitMs > 0) await delay(waitMs);
    startedMs = performance.now();
  }

  function startRound(): Round<Value> {
    const keys = new Set<string>();
    const answer = last.then(interval).then(() => {
      collecting = undefined;
      return load([...keys]);
    });
    // A failed round fails its own callers, not the round after it.
    last = answer.catch(() => undefined);
    return { keys, shares: createFairShares(maxKeys), answer };
  }

  return async (key, owner) => {
    collecting ??= startRound();
    const { keys, shares } = collecting;
    if (!keys.has(key)) {
      const hasPlace = keys.size < maxKeys && (owner === undefined || shares.enter(owner));
      if (!hasPlace) throw full();
      keys.add(key);
    }
    return (await collecting.answer).get(key);
  };
}
