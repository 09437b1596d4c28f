import { LRUCache } from 'lru-cache';
import { oncePer } from '../core/once-per.ts';
import type { Outcome } from '../core/outcome.ts';
import type { CheckPlan, PlannedLimit } from '../core/plan.ts';
import { subjectText } from '../core/subject.ts';
import type { Meter } from '../core/meter.ts';

type Limits = Pick<CheckPlan, 'limits' | 'meters'>;

/**
 * The limits that were not OK when they last met a Check: by organization, then limit and meter. What is
 * remembered here spares attempts that would fail; it decides nothing.
 */
const near = new LRUCache<string, LRUCache<string, true>>({ max: 1000 });
const mostPerOrganization = 10_000;

const namesOf = oncePer((meters: readonly Meter[]) =>
  oncePer((limits: readonly PlannedLimit[]) =>
    limits.map(({ subject, limit, meterIndex }) => {
      return `${subjectText(subject)}\n${limit.name}\n${meters[meterIndex]?.name}`;
    }),
  ),
);

/** Whether a Check meets a limit that was not OK the last time. */
export function hasNearLimit(orgId: string, { meters, limits }: Limits): boolean {
  const ofOrg = near.get(orgId);
  return ofOrg !== undefined && namesOf(meters)(limits).some((name) => ofOrg.has(name));
}

/** Remembers how the limits of a Check stood. */
export function learnNearLimits(
  orgId: string,
  { meters, limits }: Limits,
  outcome: Pick<Outcome, 'limits'>,
): void {
  let ofOrg = near.get(orgId);
  for (const [index, { status }] of outcome.limits.entries()) {
    if (status === 'OK' && ofOrg === undefined) continue;
    const name = namesOf(meters)(limits)[index] ?? '';
    if (status === 'OK') {
      ofOrg?.delete(name);
    } else {
      if (ofOrg === undefined)
        near.set(orgId, (ofOrg = new LRUCache({ max: mostPerOrganization })));
      ofOrg.set(name, true);
    }
  }
  if (ofOrg?.size === 0) near.delete(orgId);
}
