import { LRUCache } from 'lru-cache';
import { storeFailure } from '../db/errors.ts';
import { batchLookups } from '../platform/batch-lookups.ts';
import { ServiceError } from '../platform/service-error.ts';
import type { Account } from '../service/auth.ts';
import { isOutage, shareLookups } from './shared-lookups.ts';

/** A known caller is looked up again in the background when its answer is this old ... */
const refreshMs = 600;
/** ... and is not used without a new answer past this age: a revocation binds within a second. */
const expireMs = 900;
/** How long a known caller passes while the store is out of reach. */
const outageMs = 10 * 60_000;
/** Bounds the queries that a flood of unknown secrets causes: a hundred a second. */
const unknownIntervalMs = 10;
const maxKnown = 10_000;
const maxUnknown = 1000;

/**
 * Finds the caller of a secret's hash or of a name: at once if a recent answer is at hand. `peer` says where it was
 * presented.
 */
export type FindCaller = (
  presented: string,
  peer?: string,
) => Promise<Account | undefined> | Account | undefined;

/** What the cache reads from. */
export interface CallerCacheParts {
  readonly load: (keys: readonly string[]) => Promise<ReadonlyMap<string, Account>>;
  readonly monotonicMs: () => number;
  readonly silenceMs: number;
}

/** An answer of the store, and when its query was sent: a process paused before it reads it knows its age. */
interface Answer {
  readonly caller: Account | undefined;
  readonly sentMs: number;
}

/**
 * Remembers known callers only. Unknown ones are looked up at every call, in separate batches, so that a new secret
 * works at once and a flood of wrong ones neither delays nor evicts the known. Peers share the places of a batch, so a
 * flood from one leaves room for others: a new secret waits for two queries of at most a thousand keys, and the least
 * time between them.
 *
 * While the store is out of reach (a look-up failed, or had no answer for `silenceMs`), known callers pass
 * without waiting, for `outageMs` since their last answer. Our own overload is no such reason.
 */
export function createCallerCache(parts: CallerCacheParts) {
  const memory = createMemory(parts.monotonicMs);
  const { ageMs, remember } = memory;
  const load = datedLoad(parts);
  const firstLookup = batchLookups(load, {
    maxKeys: maxUnknown,
    full: overloaded,
    intervalMs: unknownIntervalMs,
  });
  const repeatLookup = batchLookups(load, { maxKeys: Infinity, full: overloaded, intervalMs: 5 });
  const refresh = shareLookups(
    async (presented) => remember(presented, await repeatLookup(presented)),
    parts.silenceMs,
  );

  /** An answer that is not old. It is if the process was paused, or the look-up joined had begun long ago. */
  async function recent(lookUp: () => Promise<Answer>): Promise<Account | undefined> {
    let answer = await lookUp();
    if (ageMs(answer) >= expireMs) answer = await lookUp();
    return answer.caller;
  }

  /** A recent answer, or what is remembered if the store is out of reach. */
  async function renew(presented: string, before: Answer): Promise<Account | undefined> {
    try {
      return await recent(() => refresh.find(presented));
    } catch (cause) {
      if (isOutage(cause) && ageMs(before) < outageMs) return before.caller;
      throw cause;
    }
  }

  const find: FindCaller = (presented, peer) => {
    const before = memory.get(presented);
    if (before === undefined) {
      return recent(async () => remember(presented, await firstLookup(presented, peer)));
    }
    const age = ageMs(before);
    if (age < refreshMs) return before.caller;
    if (refresh.isStoreAway() && age < outageMs) return before.caller;
    if (age >= expireMs) return renew(presented, before);
    refresh.findInBackground(presented);
    return before.caller;
  };

  return { find, close: () => refresh.close() };
}

/** Stamps answers with the time at which their query was sent. */
function datedLoad({ load, monotonicMs }: CallerCacheParts) {
  return async (keys: readonly string[]): Promise<ReadonlyMap<string, Answer>> => {
    const sentMs = monotonicMs();
    const found = await load(keys);
    return new Map(keys.map((key) => [key, { caller: found.get(key), sentMs }]));
  };
}

/** The answers about known callers. */
function createMemory(monotonicMs: () => number) {
  const known = new LRUCache<string, Answer>({ max: maxKnown });
  return {
    get: (presented: string) => known.get(presented),
    ageMs: (answer: Answer) => monotonicMs() - answer.sentMs,
    /** Keeps a known caller, forgets one that is known no more; the newest answer there is. */
    remember(this: void, presented: string, answer: Answer | undefined): Answer {
      if (answer === undefined) throw storeFailure(new Error('a look-up without an answer'));
      const newest = known.peek(presented);
      if (newest !== undefined && newest.sentMs > answer.sentMs) return newest;
      if (answer.caller === undefined) known.delete(presented);
      else known.set(presented, answer);
      return answer;
    },
  };
}

function overloaded(): ServiceError {
  return new ServiceError('OVERLOADED', 'too many unknown callers at once', {
    retryAfterMs: 1000,
  });
}
