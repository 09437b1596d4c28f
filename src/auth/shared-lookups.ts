import { storeFailure } from '../db/errors.ts';
import { inTime } from '../platform/in-time.ts';
import { ServiceError } from '../platform/service-error.ts';

/** While the store is out of reach: how often it is asked again, whether anybody calls or not. */
const retryMs = 200;

/** Look-ups of which each key has one under way at most, and what they say of the store. */
export interface SharedLookups<Value> {
  /** Fails as a store out of reach does when there is no answer for `silenceMs`; a late answer still counts. */
  find(key: string): Promise<Value>;
  /** As `find`, for callers that do not wait. */
  findInBackground(key: string): void;
  /** Whether the last look-up failed with UNAVAILABLE or had no answer in time. */
  isStoreAway(): boolean;
  close(): void;
}

/** Shares look-ups, notices that the store is out of reach, and asks again until it answers. */
export function shareLookups<Value>(
  lookUp: (key: string) => Promise<Value>,
  silenceMs: number,
): SharedLookups<Value> {
  const underWay = new Map<string, Promise<Value>>();
  let isStoreAway = false;
  let isClosed = false;
  let retry: NodeJS.Timeout | undefined;

  function find(key: string): Promise<Value> {
    const running = underWay.get(key);
    if (running !== undefined) return running;
    const answer = lookUp(key).then((value) => {
      isStoreAway = false;
      return value;
    });
    const bounded = inTime(answer, silenceMs, silence)
      .catch((cause: unknown) => {
        noteFailure(key, cause);
        throw cause;
      })
      .finally(() => underWay.delete(key));
    underWay.set(key, bounded);
    return bounded;
  }

  function noteFailure(key: string, cause: unknown): void {
    isStoreAway = isOutage(cause) && !isClosed;
    clearTimeout(retry);
    if (!isStoreAway) return;
    retry = setTimeout(() => findInBackground(key), retryMs);
    retry.unref();
  }

  function findInBackground(key: string): void {
    find(key).catch(() => {
      // Noted by `find`; the next call that needs the answer fails or waits by itself.
    });
  }

  return {
    find,
    findInBackground,
    isStoreAway: () => isStoreAway,
    close(): void {
      isClosed = true;
      clearTimeout(retry);
    },
  };
}

/** Whether a failure means that the store is out of reach, and not that we or the caller did something wrong. */
export function isOutage(cause: unknown): boolean {
  return cause instanceof ServiceError && cause.kind === 'UNAVAILABLE';
}

function silence(): Error {
  const message = 'a look-up had no answer in time';
  return storeFailure(Object.assign(new Error(message), { code: 'ETIMEDOUT' }));
}
