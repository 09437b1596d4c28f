import { v7 as uuidv7 } from 'uuid';
import { leaseMs } from './store.ts';
import type { SweepStore } from './store.ts';

/** The lease of the sweep: one replica has it, until it leaves it or does not keep it for three seconds. */
export interface SweepLease {
  /** Takes it or keeps it, and says whether it is ours. Asks the database at most once a second. */
  isOurs(): Promise<boolean>;
  /** Lets another replica have it at once. */
  leave(): Promise<void>;
}

/** How often it is kept, while it is ours. */
export const keepLeaseEveryMs = leaseMs / 3;

/** The lease of this replica. */
export function createSweepLease(
  store: Pick<SweepStore, 'takeLease' | 'leaveLease'>,
  monotonicMs: () => number,
): SweepLease {
  const holder = uuidv7();
  let keptMs = -Infinity;
  return {
    async isOurs() {
      const requestedMs = monotonicMs();
      if (requestedMs - keptMs < keepLeaseEveryMs) return true;
      const isOurs = await store.takeLease(holder);
      keptMs = isOurs ? requestedMs : -Infinity;
      return isOurs;
    },
    async leave() {
      keptMs = -Infinity;
      await store.leaveLease(holder).catch(() => {
        // It ends by itself.
      });
    },
  };
}
