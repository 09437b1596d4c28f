import { LRUCache } from 'lru-cache';
import { memoizeByObject } from '../../core/memoize-by-object.ts';
import type { Outcome } from '../../core/outcome.ts';
import type { CheckPlan, PlannedLimit } from '../../core/plan.ts';
import { subjectText } from '../../core/subject.ts';
import type { Meter } from '../../core/meter.ts';

type Limits = Pick<CheckPlan, 'limits' | 'meters'>;

/**
 * How the limits of an organization stood when they last met a Check. It only spares attempts that would
 * fail, and decides nothing; each replica has its own.
 */
export interface LimitMemory {
  /** Whether a limit refused the last Check that was charged to the same meters. */
  wasRefused(orgId: string, plan: Limits): boolean;
  /** Whether one of the limits was not OK the last time. */
  hasNearLimit(orgId: string, plan: Limits): boolean;
  /** Remembers how a Check was decided. `isRefused`: by a limit. */
  learn(orgId: string, plan: Limits, outcome: Pick<Outcome, 'limits'>, isRefused: boolean): void;
}

/** Limits and sets of meters that are remembered, of all organizations together. */
const defaultMax = 32_768;

/**
 * Remembers at most `max` limits and sets of meters, the ones that were met last; the default takes 3 MB,
 * however many organizations there are. The keys are hashes, so that long names take no more: two that are
 * equal by chance cost a batch that is decided first without need, or one attempt that fails.
 */
export function createLimitMemory(max = defaultMax): LimitMemory {
  const kept = new LRUCache<number, true>({ max });

  function set(key: number, isKept: boolean): void {
    if (isKept) kept.set(key, true);
    else kept.delete(key);
  }

  return {
    wasRefused(orgId, { meters }) {
      return kept.size > 0 && kept.get(hashOf(orgId) + metersHash(meters)) === true;
    },
    hasNearLimit(orgId, { meters, limits }) {
      if (kept.size === 0) return false;
      const org = hashOf(orgId);
      return limitHashes(meters)(limits).some((hash) => kept.get(org + hash) === true);
    },
    learn(orgId, { meters, limits }, outcome, isRefused) {
      const org = hashOf(orgId);
      set(org + metersHash(meters), isRefused);
      const hashes = limitHashes(meters)(limits);
      for (const [index, { status }] of outcome.limits.entries()) {
        set(org + (hashes[index] ?? 0), status !== 'OK');
      }
    },
  };
}

/** Calls of the same path and target share their meters and limits, so these are made once for many calls. */
const metersHash = memoizeByObject((meters: readonly Meter[]) =>
  hashOf(meters.map(({ name }) => name).join('\n')),
);

const limitHashes = memoizeByObject((meters: readonly Meter[]) =>
  memoizeByObject((limits: readonly PlannedLimit[]) =>
    limits.map(({ subject, limit, meterIndex }) =>
      hashOf(`${subjectText(subject)}\n${limit.name}\n${meters[meterIndex]?.name}`),
    ),
  ),
);

/** 52 bits, so that the sum of two is an exact number: `cyrb53`, a public-domain hash, less one bit. */
function hashOf(text: string): number {
  let [low, high] = [0xdeadbeef, 0x41c6ce57];
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    low = Math.imul(low ^ unit, 2654435761);
    high = Math.imul(high ^ unit, 1597334677);
  }
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  return 2 ** 32 * (high & 0xfffff) + (low >>> 0);
}
