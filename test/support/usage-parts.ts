import type { Pool } from 'pg';
import type { UsageRouteParts } from '../../src/admin/routes/usage.ts';
import { openUsage } from '../../src/app/open-usage.ts';
import { storeFailure } from '../../src/db/errors.ts';
import { overloaded } from '../../src/ledger/lane/lane.ts';
import { readTotals } from '../../src/ledger/meters/read-totals.ts';
import { unitSums } from '../../src/ledger/record/unit-sums.ts';
import { createPgUsageQueries } from '../../src/ledger/usage/pg-usage-queries.ts';
import { createCachedPolicies } from '../../src/policies/cache/cached-policies.ts';
import type { PolicyStore } from '../../src/policies/policy-store.ts';
import type { UsageQueries } from '../../src/service/admin/usage-queries.ts';

/** Queries of usage, over a pool. */
export function usageQueriesOf(pool: Pool): UsageQueries {
  return createPgUsageQueries({
    pool,
    mostAtOnce: 2,
    monotonicMs: () => performance.now(),
    overloaded,
    failure: storeFailure,
  });
}

/** What the admin plane answers about usage, from a database without lanes. */
export function usagePartsOf(
  pool: Pool,
  store: Pick<PolicyStore, 'getOrganization' | 'changeUsage'>,
  nowMs: () => number,
): UsageRouteParts {
  const policies = createCachedPolicies({ pool });
  return openUsage(
    { admin: pool },
    {
      store,
      policies,
      clock: { nowMs },
      ledger: {
        async meter(orgId, calendar, meter, atMs) {
          const { totals } = await readTotals(pool, { orgId, calendar, nowMs: atMs }, [meter]);
          const [found] = totals;
          if (found === undefined) throw new Error('no meter was read');
          return found;
        },
        async meters(orgId, calendar, meters, atMs) {
          return (await readTotals(pool, { orgId, calendar, nowMs: atMs }, meters)).totals;
        },
        unitsSince: (orgId, meter, startMs) => unitSums(pool, orgId, meter, startMs),
      },
    },
  );
}
