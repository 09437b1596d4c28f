import { storeFailure } from '../db/errors.ts';
import { overloaded } from '../ledger/lane/lane.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { createPgHolds } from '../ledger/usage/pg-holds.ts';
import { createPgLimitCandidates } from '../ledger/usage/pg-limit-candidates.ts';
import { createPgTiers } from '../ledger/usage/pg-tiers.ts';
import { createPgUsageExports } from '../ledger/usage/pg-usage-exports.ts';
import { createPgUsageQueries } from '../ledger/usage/pg-usage-queries.ts';
import type { UsageRouteParts } from '../admin/routes/usage.ts';
import type { Clock } from '../platform/clock.ts';
import type { Policies } from '../policies/policies.ts';
import type { PolicyStore } from '../policies/policy-store.ts';
import { createAdjustUsage } from '../service/admin/adjust-usage.ts';
import { createBatchGetUsage } from '../service/admin/batch-get-usage.ts';
import { createGetUsage } from '../service/admin/get-usage.ts';
import { createListLimitUsage } from '../service/admin/list-limit-usage.ts';
import { createListTierUsage } from '../service/admin/list-tier-usage.ts';
import { createPriceCall } from '../service/admin/price-call.ts';
import { createQueryUsage } from '../service/admin/query-usage.ts';
import type { StoreConnections } from './connect-store.ts';

/** What questions about usage are answered from. */
interface Sources {
  readonly store: Pick<PolicyStore, 'getOrganization' | 'changeUsage'>;
  readonly policies: Policies;
  readonly ledger: Pick<Ledger, 'meter' | 'meters' | 'unitsSince'>;
  readonly clock: Clock;
}

/** Connects the parts that read usage. */
export function openUsage(
  { admin }: Pick<StoreConnections, 'admin'>,
  sources: Sources,
): UsageRouteParts {
  const reading = { pool: admin, monotonicMs: () => performance.now(), failure: storeFailure };
  // Of five connections two are left for changes, and for cancelling.
  const mostAtOnce = Math.max(1, Math.floor((admin.options.max ?? 2) / 2));
  const usage = createPgUsageQueries({ ...reading, mostAtOnce, overloaded });
  const candidates = createPgLimitCandidates(reading);
  const batchGetUsage = createBatchGetUsage(sources);
  return {
    getUsage: createGetUsage(sources),
    batchGetUsage,
    listLimitUsage: createListLimitUsage({ ...sources, candidates }),
    listTierUsage: createListTierUsage({ tiers: createPgTiers(reading), batchGetUsage }),
    queryUsage: createQueryUsage({ store: sources.store, usage }),
    holds: createPgHolds(reading),
    exports: createPgUsageExports(reading),
    priceCall: createPriceCall(sources),
    adjustUsage: createAdjustUsage(sources),
    store: sources.store,
  };
}
