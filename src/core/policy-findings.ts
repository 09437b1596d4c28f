import { accessFindings } from './access-findings.ts';
import { limitFindings } from './limit-findings.ts';
import type { OrganizationView } from './organization-view.ts';
import type { PolicyFinding } from './policy-finding.ts';
import type { Policy } from './policy.ts';

/**
 * What a policy means for the calls that it applies to. `view` is of the organization with this policy in it, and has the
 * record of a user whose policy it is. See `PolicyFindingCode` in policies.proto for what each code claims.
 */
export function policyFindings(view: OrganizationView, policy: Policy): PolicyFinding[] {
  return [...limitFindings(view, policy), ...accessFindings(view, policy), ...ofBypass(policy)];
}

function ofBypass({ bypass }: Policy): PolicyFinding[] {
  if (bypass === undefined || bypass.untilMs !== undefined) return [];
  const { cost, rate, tokens, models } = bypass;
  if (!cost && !rate && !tokens && !models) return [];
  const message = 'lifts limits or rules until somebody takes it back';
  return [{ code: 'BYPASS_WITHOUT_END', field: 'bypass.expire_time', message }];
}
