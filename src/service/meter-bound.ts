import { maxMetersOfCall } from '../core/meters.ts';
import type { CheckPlan } from '../core/plan.ts';
import { ServiceError } from '../platform/service-error.ts';

/**
 * The plan, or FAILED_PRECONDITION `TOO_MANY_METERS` where the call would be counted on too many meters. A call
 * that was allowed is always settled.
 */
export function withinMeterBound<Plan extends Pick<CheckPlan, 'meters'>>(plan: Plan): Plan {
  const { length } = plan.meters;
  if (isWithinMeterBound(plan)) return plan;
  const message =
    `the call would be counted on ${length} meters, at most ${maxMetersOfCall} are allowed: ` +
    'it names too many subjects, or too many limits with targets reach them';
  throw new ServiceError('TOO_MANY_METERS', message, {
    metadata: { max_meters: String(maxMetersOfCall) },
  });
}

/** Whether a call may be counted on the meters of its plan. */
export function isWithinMeterBound({ meters }: Pick<CheckPlan, 'meters'>): boolean {
  return meters.length <= maxMetersOfCall;
}
