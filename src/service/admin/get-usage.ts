import type { Meter } from '../../core/meter.ts';
import type { Window } from '../../core/policy.ts';
import type { WindowTotals } from '../../core/totals.ts';
import type { Units } from '../../core/units.ts';
import { windowAt } from '../../core/window.ts';
import type { WindowBounds } from '../../core/window.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { Clock } from '../../platform/clock.ts';
import type { PolicyStore } from '../../policies/policy-store.ts';

/** What a meter says of one window. */
export interface Usage {
  readonly bounds: WindowBounds;
  readonly totals: WindowTotals;
  readonly inFlight: bigint;
  readonly units: Units;
}

/** Reads a meter in the window that now lies in. NOT_FOUND if the organization is unknown. */
export function createGetUsage(parts: {
  readonly store: Pick<PolicyStore, 'getOrganization'>;
  readonly ledger: Pick<Ledger, 'meter' | 'unitsSince'>;
  readonly clock: Clock;
}) {
  return async function getUsage(orgId: string, meter: Meter, window: Window): Promise<Usage> {
    const { record } = await parts.store.getOrganization(orgId);
    const nowMs = parts.clock.nowMs();
    const found = await parts.ledger.meter(orgId, record.calendar, meter, nowMs);
    const bounds = windowAt(record.calendar, window, nowMs);
    const startMs = window === 'LIFETIME' ? -Infinity : bounds.startMs;
    const units = await parts.ledger.unitsSince(orgId, meter, startMs);
    return { bounds, totals: found.window(window), inFlight: found.inFlight, units };
  };
}
