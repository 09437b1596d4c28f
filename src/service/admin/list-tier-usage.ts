import { meterOf } from '../../core/meter.ts';
import type { Window } from '../../core/policy.ts';
import type { Listed, Page } from '../../platform/paging.ts';
import type { createBatchGetUsage, MeterUsage } from './batch-get-usage.ts';
import type { QueryLimits } from './usage-queries.ts';

/** The tiers of an organization, for reading. */
export interface Tiers {
  /** The ids of those with a policy or with usage, in order; a forged page token is FIELD_INVALID on `page_token`. */
  list(orgId: string, page: Page): Promise<Listed<string>>;
}

/** What the users of each tier used together. */
export function createListTierUsage(parts: {
  readonly tiers: Tiers;
  readonly batchGetUsage: ReturnType<typeof createBatchGetUsage>;
}) {
  return async function listTierUsage(
    orgId: string,
    window: Window,
    page: Page,
    until: QueryLimits,
  ): Promise<Listed<MeterUsage>> {
    const { items, nextToken } = await parts.tiers.list(orgId, page);
    const meters = items.map((id) => meterOf({ kind: 'tier', id }));
    return { items: await parts.batchGetUsage(orgId, meters, window, until), nextToken };
  };
}
