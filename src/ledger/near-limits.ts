import { LRUCache } from 'lru-cache';
import { oncePer } from '../core/once-per.ts';
import type { Outcome } from '../core/outcome.ts';
import type { CheckPlan, PlannedLimit } from '../core/plan.ts';
import { subjectText } from '../core/subject.ts';
import type { Meter } from '../core/meter.ts';

type Limits = Pick<CheckPlan, 'limits' | 'meters'>;

/**
 * The limits that were not OK when they last met a Check, by organization, limit and meter. What is
 * remembered here spares attempts that would fail; it decides nothing.
 */
const near = new LRUCache<string, true>({ max: 10_000 });

const namesOf = oncePer((meters: readonly Meter[]) =>
  oncePer((limits: readonly PlannedLimit[]) =>
    limits.map(({ subject, limit, meterIndex }) => {
      return `${subjectText(subject)}\n${limit.name}\n${meters[meterIndex]?.name}`;
    }),
  ),
);

/** Whether a Check meets a limit that was not OK the last time. */
export function hasNearLimit(orgId: string, { meters, limits }: Limits): boolean {
  if (near.size === 0) return false;
  return namesOf(meters)(limits).some((name) => near.has(`${orgId}\n${name}`));
}

/** Remembers how the limits of a Check stood. */
export function learnNearLimits(
  orgId: string,
  { meters, limits }: Limits,
  outcome: Pick<Outcome, 'limits'>,
): void {
  if (near.size === 0 && outcome.limits.every(({ status }) => status === 'OK')) return;
  for (const [index, name] of namesOf(meters)(limits).entries()) {
    const key = `${orgId}\n${name}`;
    if (outcome.limits[index]?.status === 'OK') near.delete(key);
    else near.set(key, true);
  }
}
