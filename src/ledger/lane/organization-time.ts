import { LRUCache } from 'lru-cache';
import type { ClockReading, FollowingClock } from '../../platform/database-clock.ts';

/**
 * The time of each organization: the database's, but never before a window that its meters have already
 * entered. After the database's clock was set back, an organization's time stands still at the start of
 * that window until the clock gets there again. Other organizations are not affected.
 */
export interface OrganizationTime {
  /** An estimate, for planning; milliseconds since 1970. */
  nowMs(orgId: string): number;
  /** The estimates of one instant, for a batch that is about to be sent. */
  expected(): (orgId: string) => number;
  /** The time of a batch, from the reading of the database's clock inside it. */
  read(reading: ClockReading): (orgId: string) => number;
  /** Learns that an organization's meters have entered a window that starts then. */
  entered(orgId: string, startMs: number): void;
  /** Whether an organization's time stands still. */
  standsStill(orgId: string): boolean;
  /** Whether a statement may compare this time with the database's clock. */
  readonly isDatabase: boolean;
}

/** Forgetting one costs a batch that is planned again. */
const maxOrganizations = 10_000;

/** Follows the clock of the database. */
export function createOrganizationTime(clock: FollowingClock): OrganizationTime {
  const entered = new LRUCache<string, number>({ max: maxOrganizations });
  const notBefore = (orgId: string, nowMs: number): number =>
    entered.size === 0 ? nowMs : Math.max(nowMs, entered.get(orgId) ?? 0);
  const at = (nowMs: number) => (orgId: string) => notBefore(orgId, nowMs);
  return {
    isDatabase: clock.isDatabase,
    nowMs: (orgId) => notBefore(orgId, clock.nowMs()),
    expected: () => at(clock.nowMs()),
    read: (reading) => at(clock.read(reading)),
    entered(orgId, startMs) {
      entered.set(orgId, Math.max(startMs, entered.get(orgId) ?? 0));
    },
    standsStill(orgId) {
      const startMs = entered.get(orgId);
      if (startMs === undefined) return false;
      if (startMs > clock.nowMs()) return true;
      entered.delete(orgId);
      return false;
    },
  };
}
