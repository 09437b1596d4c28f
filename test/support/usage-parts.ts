import type { Pool } from 'pg';
import { storeFailure } from '../../src/db/errors.ts';
import { overloaded } from '../../src/ledger/lane/lane.ts';
import { createPgUsageQueries } from '../../src/ledger/usage/pg-usage-queries.ts';
import type { UsageParts } from '../../src/app/open-usage.ts';
import type { PolicyStore } from '../../src/policies/policy-store.ts';
import { createQueryUsage } from '../../src/service/admin/query-usage.ts';
import type { UsageQueries } from '../../src/service/admin/usage-queries.ts';
import { totalsOf } from './totals.ts';

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

/** What the admin plane answers about usage: nothing is on any meter, and sums are read from the database. */
export function usagePartsOf(
  pool: Pool,
  store: Pick<PolicyStore, 'getOrganization'>,
  nowMs: number,
): UsageParts {
  return {
    getUsage: async (orgId) => {
      await store.getOrganization(orgId);
      const bounds = { startMs: nowMs, endMs: nowMs + 1 };
      return { bounds, totals: totalsOf([])(0).window('DAY'), inFlight: 0n, units: [] };
    },
    queryUsage: createQueryUsage({ store, usage: usageQueriesOf(pool) }),
  };
}
