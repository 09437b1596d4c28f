/**
 * Places that organizations share. An organization may take one while it has fewer than are free (the dynamic
 * threshold of shared-memory switches, with a factor of 1). So one that is alone gets half of them, `n` that
 * want all get 1/(n + 1) each, and as many always stay free for others.
 */
export interface FairShares {
  /** Places taken. */
  readonly taken: number;
  /** Takes a place; false if the organization has its share already. */
  enter(orgId: string): boolean;
  leave(orgId: string): void;
  /** Resolves when no place is taken. */
  empty(): Promise<void>;
}

/** Creates the shares of `places`. */
export function createFairShares(places: number): FairShares {
  const byOrganization = new Map<string, number>();
  let taken = 0;
  let waiting: (() => void)[] = [];
  return {
    get taken() {
      return taken;
    },
    enter(orgId) {
      const own = byOrganization.get(orgId) ?? 0;
      if (own >= places - taken) return false;
      byOrganization.set(orgId, own + 1);
      taken += 1;
      return true;
    },
    leave(orgId) {
      const own = byOrganization.get(orgId) ?? 0;
      if (own > 1) byOrganization.set(orgId, own - 1);
      else byOrganization.delete(orgId);
      taken -= 1;
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
