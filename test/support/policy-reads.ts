import type { Pool } from 'pg';
import type { PolicyReads } from '../../src/admin/routes/policies.ts';
import { openPolicyReads } from '../../src/app/open-policy-reads.ts';
import { readTotals } from '../../src/ledger/meters/read-totals.ts';
import { createCachedPolicies } from '../../src/policies/cache/cached-policies.ts';

/** What the admin plane answers about policies in force, from a database without lanes. */
export function policyReadsOf(pool: Pool, nowMs: () => number): PolicyReads {
  return openPolicyReads({
    policies: createCachedPolicies({ pool }),
    clock: { nowMs },
    ledger: {
      async meters(orgId, calendar, meters, atMs) {
        return (await readTotals(pool, { orgId, calendar, nowMs: atMs }, meters)).totals;
      },
    },
  });
}
