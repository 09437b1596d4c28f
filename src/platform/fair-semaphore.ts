import { createFairShares } from './fair-shares.ts';

/** Lets a number of tasks run at once, shared fairly among organizations. */
export interface FairSemaphore {
  /**
   * Runs a task when its organization has room; its answer or failure is passed on. The tasks of an
   * organization run in the order in which they came; organizations that wait take turns.
   */
  pass<T>(orgId: string, task: () => Promise<T>): Promise<T>;
}

/** How a gate is bounded. */
export interface FairSemaphoreOptions {
  /** Tasks that run at once; one organization may take half of the places (see `FairShares`). */
  readonly most: number;
  /** Tasks of one organization that may wait; without it the callers bound them. */
  readonly mostWaiting?: number;
  /** What a task is refused with when as many wait. */
  readonly full?: () => Error;
}

/** Creates a gate. */
export function createFairSemaphore({
  most,
  mostWaiting,
  full,
}: FairSemaphoreOptions): FairSemaphore {
  const shares = createFairShares(most);
  /** The organizations with tasks waiting; the next one to be served comes first. */
  const waiting = new Map<string, (() => void)[]>();

  function admit(): void {
    for (const [orgId, tasks] of waiting) {
      if (!shares.enter(orgId)) continue;
      tasks.shift()?.();
      waiting.delete(orgId);
      // A Map visits what is set while it is walked: the organization's next turn comes after the others'.
      if (tasks.length > 0) waiting.set(orgId, tasks);
    }
  }

  function wait(orgId: string): Promise<void> {
    const tasks = waiting.get(orgId) ?? [];
    if (mostWaiting !== undefined && tasks.length >= mostWaiting) {
      return Promise.reject(full?.() ?? new Error('too many tasks are waiting'));
    }
    waiting.set(orgId, tasks);
    return new Promise((resolve) => {
      tasks.push(resolve);
    });
  }

  return {
    async pass(orgId, task) {
      if (waiting.has(orgId) || !shares.enter(orgId)) await wait(orgId);
      try {
        return await task();
      } finally {
        shares.leave(orgId);
        admit();
      }
    },
  };
}
