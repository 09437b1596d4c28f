import type { Meter } from '../../core/meter.ts';
import type { Window } from '../../core/policy.ts';
import type { WindowTotals } from '../../core/totals.ts';
import { windowAt } from '../../core/window.ts';
import type { WindowBounds } from '../../core/window.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { Clock } from '../../platform/clock.ts';
import type { PolicyStore } from '../../policies/policy-store.ts';
import type { QueryLimits } from './usage-queries.ts';

/** What a meter says of one window, without units. */
export interface MeterUsage {
  readonly meter: Meter;
  readonly bounds: WindowBounds;
  readonly totals: WindowTotals;
  readonly inFlight: bigint;
}

/** Reads meters in the window that now lies in, at one instant. NOT_FOUND if the organization is unknown. */
export function createBatchGetUsage(parts: {
  readonly store: Pick<PolicyStore, 'getOrganization'>;
  readonly ledger: Pick<Ledger, 'meters'>;
  readonly clock: Clock;
}) {
  return async function batchGetUsage(
    orgId: string,
    meters: readonly Meter[],
    window: Window,
    until: QueryLimits,
  ): Promise<readonly MeterUsage[]> {
    const { calendar } = (await parts.store.getOrganization(orgId)).record;
    const nowMs = parts.clock.nowMs();
    const found = await parts.ledger.meters(orgId, calendar, meters, nowMs, until);
    const bounds = windowAt(calendar, window, nowMs);
    return meters.flatMap((meter, at) => {
      const totals = found[at];
      if (totals === undefined) return [];
      return [{ meter, bounds, totals: totals.window(window), inFlight: totals.inFlight }];
    });
  };
}
