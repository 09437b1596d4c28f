/**
 * Places that organizations share. An organization may take some while it then has no more than were free (the dynamic
 * threshold of shared-memory switches, with a factor of 1). So one that is alone gets half of them, `n` that
 * want all get 1/(n + 1) each, and as many always stay free for others.
 */
export interface FairShares {
  /** Places taken. */
  readonly taken: number;
  /** Takes places, one unless said; false if the organization has its share already. */
  enter(orgId: string, count?: number): boolean;
  /** Gives back as many as were taken. */
  leave(orgId: string, count?: number): void;
  /** Resolves when no place is taken. */
  empty(): Promise<void>;
}

/** Creates the shares of `places`, of which one organization never has more than `mostOfOne`. */
export function createFairShares(places: number, mostOfOne = places): FairShares {
  const byOrganization = new Map<string, number>();
  let taken = 0;
  let waiting: (() => void)[] = [];
  return {
    get taken() {
      return taken;
    },
    enter(orgId, count = 1) {
      const own = (byOrganization.get(orgId) ?? 0) + count;
      if (own > Math.min(mostOfOne, places - taken)) return false;
      byOrganization.set(orgId, own);
      taken += count;
      return true;
    },
    leave(orgId, count = 1) {
      const own = byOrganization.get(orgId) ?? 0;
      if (own > count) byOrganization.set(orgId, own - count);
      else byOrganization.delete(orgId);
      taken -= count;
      if (taken > 0) return;
      for (const resolve of waiting) resolve();
      waiting = [];
    },
    empty() {
      if (taken === 0) return Promise.resolve();
      return new Promise((resolve) => {
        waiting.push(resolve);
      });
    },
  };
}
