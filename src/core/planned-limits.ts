import { accessReasons } from './access.ts';
import type { CallPath, TargetFacts } from './call.ts';
import { chargedMeters } from './meters.ts';
import type { Meter } from './meter.ts';
import type { OrganizationView } from './organization-view.ts';
import type { PlannedLimit } from './plan.ts';
import { raisesOf } from './raises-of-limit.ts';
import type { Reason } from './reason.ts';
import { effectiveLimits } from './resolve.ts';
import type { EffectiveLimit } from './resolve.ts';
import { limitsWithRaises } from './standing-limits.ts';
import type { LimitsAt } from './standing-limits.ts';
import { targetMatches } from './target.ts';

/**
 * The meters that a call is charged to, the limits that judge it, each pointing at its meter, and the model rules'
 * word on it; and the path and target all that was derived from, the same objects for calls of the same path and
 * target.
 */
export interface MeteredLimits {
  readonly path: CallPath;
  readonly target: TargetFacts;
  readonly meters: readonly Meter[];
  readonly limitsAt: LimitsAt;
  /** Why the model rules refuse the target on this path. */
  readonly accessReasons: readonly Reason[];
}

/** Derived once per epoch, path and target, and remembered by the view. */
export function meteredLimits(
  view: OrganizationView,
  path: CallPath,
  target: TargetFacts,
): MeteredLimits {
  const key = `metered ${JSON.stringify(path)} ${JSON.stringify(target)}`;
  return view.remember(key, () => {
    const meters = chargedMeters(view, path, target);
    const effective = limitsOn(view, path, target);
    const limitsAt = limitsWithRaises(
      plannedLimits(effective, meters),
      effective.map((limit) => raisesOf(view, limit)),
    );
    return { path, target, meters, limitsAt, accessReasons: accessReasons(view, path, target) };
  });
}

/** The effective limits that a call of the target falls under. */
export function limitsOn(
  view: OrganizationView,
  path: CallPath,
  target: TargetFacts,
): EffectiveLimit[] {
  return effectiveLimits(view, path).filter(
    ({ limit }) => limit.targets.length === 0 || targetMatches(limit.targets, target),
  );
}

/** The same limits as they are declared, each pointing into `meters`, which are those of `chargedMeters`. */
export function plannedLimits(
  effective: readonly EffectiveLimit[],
  meters: readonly Meter[],
): PlannedLimit[] {
  const indexes = new Map(meters.map((meter, index) => [meter.name, index]));
  return effective.map(({ subject, revision, limit, meter }) => {
    const meterIndex = indexes.get(meter.name);
    if (meterIndex === undefined) throw new Error(`a limit on ${meter.name}, which is not charged`);
    return { subject, revision, limit, meterIndex };
  });
}
