import { createFairCache } from '../../platform/fair-cache.ts';
import { callKey } from '../calls/call-key.ts';

/** Holds that could not be ended: each is left alone for a minute, so that it costs little. */
export interface RestingHolds {
  add(orgId: string, requestId: string): void;
  readonly isResting: (orgId: string, requestId: string) => boolean;
}

const restMs = 60_000;
/** One that is forgotten is only tried too often. */
const maxHolds = 10_000;

/** Remembers the last of them. */
export function createRestingHolds(monotonicMs: () => number): RestingHolds {
  const until = createFairCache<string, number>({ max: maxHolds, monotonicMs });
  return {
    add: (orgId, requestId) => until.set(orgId, callKey(orgId, requestId), monotonicMs() + restMs),
    isResting(orgId, requestId) {
      const untilMs = until.get(callKey(orgId, requestId));
      return untilMs !== undefined && monotonicMs() < untilMs;
    },
  };
}
