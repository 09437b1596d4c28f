import { accessFindings } from './access-findings.ts';
import { limitFindings } from './limit-findings.ts';
import type { OrganizationView } from './organization-view.ts';
import type { PolicyFinding } from './policy-finding.ts';
import type { Policy } from './policy.ts';

/**
 * How many comparisons of an entry of a list with a target of the catalog findings may cost. It takes some milliseconds,
 * while the organization is locked and nothing else runs.
 */
export const maxFindingComparisons = 100_000;

/** What the findings of a policy cost at most, in comparisons of entries with targets. */
function findingComparisons(view: OrganizationView, { limits, access }: Policy): number {
  const targets = [...view.models()].length + [...view.routeGroups()].length;
  const ofLimits = limits.reduce((sum, limit) => sum + limit.targets.length, 0);
  // Access is judged with the rules, without them, and without parts of them.
  const ofAccess = access === undefined ? 0 : 5 * (1 + access.allow.length + access.deny.length);
  return targets * (ofLimits + ofAccess);
}

/**
 * What a policy means for the calls that it applies to. `view` is of the organization with this policy in it, and has the
 * record of a user whose policy it is. Where more than `most` comparisons were needed, those with the catalog are left out. See `PolicyFindingCode` in policies.proto for what each code claims.
 */
export function policyFindings(
  view: OrganizationView,
  policy: Policy,
  most = maxFindingComparisons,
): PolicyFinding[] {
  const isComparable = findingComparisons(view, policy) <= most;
  return [
    ...limitFindings(view, policy, isComparable),
    ...(isComparable ? accessFindings(view, policy) : []),
    ...ofBypass(policy),
  ];
}

function ofBypass({ bypass }: Policy): PolicyFinding[] {
  if (bypass === undefined || bypass.untilMs !== undefined) return [];
  const { cost, rate, tokens, models } = bypass;
  if (!cost && !rate && !tokens && !models) return [];
  const message = 'lifts limits or rules until somebody takes it back';
  return [{ code: 'BYPASS_WITHOUT_END', field: 'bypass.expire_time', message }];
}
