import { storeFailure } from '../db/errors.ts';
import { overloaded } from '../ledger/lane/lane.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { createPgUsageQueries } from '../ledger/usage/pg-usage-queries.ts';
import type { Clock } from '../platform/clock.ts';
import type { PolicyStore } from '../policies/policy-store.ts';
import { createGetUsage } from '../service/admin/get-usage.ts';
import { createQueryUsage } from '../service/admin/query-usage.ts';
import type { StoreConnections } from './connect-store.ts';

/** What answers questions about usage. */
export interface UsageParts {
  readonly getUsage: ReturnType<typeof createGetUsage>;
  readonly queryUsage: ReturnType<typeof createQueryUsage>;
}

/** Connects the parts that read usage. */
export function openUsage(
  { admin }: Pick<StoreConnections, 'admin'>,
  parts: { readonly store: PolicyStore; readonly ledger: Ledger; readonly clock: Clock },
): UsageParts {
  const { store } = parts;
  const usage = createPgUsageQueries({
    pool: admin,
    // Of five connections two are left for changes, and for cancelling.
    mostAtOnce: Math.max(1, Math.floor(admin.options.max / 2)),
    monotonicMs: () => performance.now(),
    overloaded,
    failure: storeFailure,
  });
  return { getUsage: createGetUsage(parts), queryUsage: createQueryUsage({ store, usage }) };
}
