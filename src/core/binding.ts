import type { CallPath } from './call.ts';
import { isLifted } from './lifted.ts';
import type { ConsideredLimit } from './outcome.ts';
import type { CheckPlan } from './plan.ts';
import type { Metric } from './policy.ts';
import type { Reason } from './reason.ts';
import { subjectKinds } from './subject.ts';
import type { Subject } from './subject.ts';

/** On an ALLOW: the smallest share left among the BLOCK limits that are enforced. An index. */
export function bindingOnAllow(
  { path, bypass }: Pick<CheckPlan, 'path' | 'bypass'>,
  limits: readonly ConsideredLimit[],
): number | undefined {
  return tightest(path, limits, (limit) => limit.action === 'BLOCK' && !isLifted(limit, bypass));
}

/**
 * On a denial: of the exceeded limits that make the first reason, the one with the smallest share left. A sum
 * beyond int64 is a reason without a limit: it is skipped for the next one that a limit makes.
 */
export function bindingOnDeny(
  plan: Pick<CheckPlan, 'path' | 'reasons'>,
  limits: readonly ConsideredLimit[],
  reasons: readonly Reason[],
  reasonOf: (metric: Metric) => Reason,
): number | undefined {
  if (plan.reasons.length > 0) return undefined;
  const makes = (limit: ConsideredLimit, reason: Reason | undefined): boolean =>
    limit.status === 'EXCEEDED' && reasonOf(limit.metric) === reason;
  const first = reasons.find((reason) => limits.some((limit) => makes(limit, reason)));
  return tightest(plan.path, limits, (limit) => makes(limit, first));
}

function tightest(
  path: CallPath,
  limits: readonly ConsideredLimit[],
  counts: (limit: ConsideredLimit) => boolean,
): number | undefined {
  let found: { index: number; limit: ConsideredLimit } | undefined;
  for (const [index, limit] of limits.entries()) {
    if (!counts(limit)) continue;
    if (found === undefined || isTighter(path, limit, found.limit)) found = { index, limit };
  }
  return found?.index;
}

/** By share left after the ask, then by the nearness of the declaring subject, then by name. */
function isTighter(path: CallPath, a: ConsideredLimit, b: ConsideredLimit): boolean {
  const [leftA, ofA] = share(a);
  const [leftB, ofB] = share(b);
  const difference = leftA * ofB - leftB * ofA;
  if (difference !== 0n) return difference < 0n;
  const farther =
    subjectKinds.indexOf(a.subject.kind) - subjectKinds.indexOf(b.subject.kind) ||
    distanceOf(path, a.subject) - distanceOf(path, b.subject);
  return farther === 0 ? a.name < b.name : farther < 0;
}

/** What is left after the ask, as a fraction of the amount; an amount of 0 counts as no share left. */
function share(limit: ConsideredLimit): [bigint, bigint] {
  if (limit.amount === 0n) return [0n, 1n];
  return [limit.amount - limit.used - limit.held - limit.ask, limit.amount];
}

function distanceOf(path: CallPath, { kind, id }: Subject): number {
  if (kind !== 'team') return 0;
  return path.teams.find((team) => team.id === id)?.distance ?? 0;
}
