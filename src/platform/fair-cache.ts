import { UseOrder } from './use-order.ts';
import type { Used } from './use-order.ts';

/** A bounded memory that organizations share; what it holds may be forgotten at any time. */
export interface FairCache<Key, Value> {
  readonly size: number;
  /** What is kept under a key, which becomes the last one used of its organization. */
  get(key: Key): Value | undefined;
  has(key: Key): boolean;
  /** Keeps a value on behalf of an organization. */
  set(orgId: string, key: Key, value: Value): void;
  delete(key: Key): void;
  clear(): void;
}

/** How a cache is bounded. */
export interface FairCacheOptions {
  /** Entries of all organizations together. */
  readonly max: number;
  /** Milliseconds that only grow. */
  readonly monotonicMs?: () => number;
}

/** The entries of one organization. */
interface Shelf<Key, Value> extends Used<Shelf<Key, Value>> {
  readonly orgId: string;
  readonly entries: UseOrder<Entry<Key, Value>>;
  size: number;
  usedMs: number;
}

interface Entry<Key, Value> extends Used<Entry<Key, Value>> {
  readonly key: Key;
  readonly value: Value;
  readonly shelf: Shelf<Key, Value>;
}

/** An organization that has used none of its entries for so long gives them up first. */
const idleMs = 600_000;

/**
 * Creates an empty cache. When it is full, the least recently used entry of one organization gives way: of one that
 * is idle, if there is any; else of one of those that have most, within a factor of two, the least recently used.
 * So an organization that has fewer than half of an equal share loses none to others, one that floods the cache
 * displaces its own entries, and one that is alone may fill it.
 *
 * All operations take constant time. `get` reads no clock: use is dated by the last `set` of anybody, since nothing
 * gives way in between.
 */
export function createFairCache<Key, Value>(options: FairCacheOptions): FairCache<Key, Value> {
  const { max, monotonicMs = () => performance.now() } = options;
  const entries = new Map<Key, Entry<Key, Value>>();
  const shelves = createShelves<Key, Value>();
  let nowMs = monotonicMs();

  function forget(entry: Entry<Key, Value>): void {
    entries.delete(entry.key);
    entry.shelf.entries.remove(entry);
    shelves.resize(entry.shelf, -1);
  }

  function makeRoom(): void {
    const oldest = shelves.toGiveWay(nowMs - idleMs)?.entries.oldest;
    if (oldest !== undefined) forget(oldest);
  }

  return {
    get size() {
      return entries.size;
    },
    get(key) {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      entry.shelf.entries.renew(entry);
      shelves.renew(entry.shelf, nowMs);
      return entry.value;
    },
    has: (key) => entries.has(key),
    set(orgId, key, value) {
      nowMs = monotonicMs();
      const before = entries.get(key);
      if (before !== undefined) forget(before);
      else if (entries.size >= max) makeRoom();
      const shelf = shelves.of(orgId);
      const entry = { key, value, shelf, older: undefined, newer: undefined };
      entries.set(key, entry);
      shelf.entries.add(entry);
      shelves.resize(shelf, 1);
      shelves.renew(shelf, nowMs);
    },
    delete(key) {
      const entry = entries.get(key);
      if (entry !== undefined) forget(entry);
    },
    clear() {
      entries.clear();
      shelves.clear();
    },
  };
}

/** The shelves that are not empty, by organization, and in the order of their use for each power of two of sizes. */
function createShelves<Key, Value>() {
  const byOrganization = new Map<string, Shelf<Key, Value>>();
  const classes = Array.from({ length: 33 }, () => new UseOrder<Shelf<Key, Value>>());

  /** An empty shelf is in the first class, until it is dropped. */
  function classOf(size: number): UseOrder<Shelf<Key, Value>> {
    const found = classes[32 - Math.clz32(size)];
    if (found === undefined) throw new Error('a size that is no number of 32 bits');
    return found;
  }

  return {
    of(orgId: string): Shelf<Key, Value> {
      const known = byOrganization.get(orgId);
      if (known !== undefined) return known;
      const links = { older: undefined, newer: undefined };
      const shelf = {
        orgId,
        entries: new UseOrder<Entry<Key, Value>>(),
        size: 0,
        usedMs: 0,
        ...links,
      };
      byOrganization.set(orgId, shelf);
      classOf(0).add(shelf);
      return shelf;
    },
    resize(shelf: Shelf<Key, Value>, by: 1 | -1): void {
      const before = classOf(shelf.size);
      shelf.size += by;
      const after = classOf(shelf.size);
      if (before !== after) {
        before.remove(shelf);
        if (shelf.size > 0) after.add(shelf);
        else byOrganization.delete(shelf.orgId);
      }
    },
    renew(shelf: Shelf<Key, Value>, nowMs: number): void {
      shelf.usedMs = nowMs;
      classOf(shelf.size).renew(shelf);
    },
    /** One that was not used since an instant; else the least recently used of those that have most. */
    toGiveWay(sinceMs: number): Shelf<Key, Value> | undefined {
      let found: Shelf<Key, Value> | undefined;
      for (const { oldest } of classes) {
        if (oldest === undefined) continue;
        if (oldest.usedMs < sinceMs) return oldest;
        found = oldest;
      }
      return found;
    },
    clear(): void {
      byOrganization.clear();
      for (const ofClass of classes) ofClass.clear();
    },
  };
}
