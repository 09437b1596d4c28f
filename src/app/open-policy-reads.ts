import type { PolicyReads } from '../admin/routes/policies.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Clock } from '../platform/clock.ts';
import type { CachedPolicies } from '../policies/cache/cached-policies.ts';
import { createGetEffectivePolicy } from '../service/admin/get-effective-policy.ts';
import { createListUserPolicies } from '../service/admin/list-user-policies.ts';
import { createReviewPolicies } from '../service/admin/review-policies.ts';

/** Connects the parts that read policies in force, and how their limits stand. */
export function openPolicyReads(sources: {
  readonly policies: CachedPolicies;
  readonly ledger: Pick<Ledger, 'meters'>;
  readonly clock: Clock;
}): PolicyReads {
  const { users } = sources.policies;
  return {
    reviewPolicies: createReviewPolicies({ ...sources, users }),
    getEffectivePolicy: createGetEffectivePolicy(sources),
    listUserPolicies: createListUserPolicies({ ...sources, users }),
  };
}
