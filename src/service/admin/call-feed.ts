import type { Clock } from '../../platform/clock.ts';
import { ServiceError } from '../../platform/service-error.ts';
import { createCallHub } from './call-hub.ts';
import type { CallHub } from './call-hub.ts';
import { createWatcher } from './call-watcher.ts';
import type { WatchFilter, WatchMessage } from './call-watcher.ts';
import type { Calls } from './calls.ts';

const mostOfCaller = 5;
const mostOfReplica = 100;

/** The live feed of decisions. */
export interface CallFeed {
  /** Fails with RESOURCE_EXHAUSTED `OVERLOADED` where the caller, or the replica, has too many. */
  watch(filter: WatchFilter, callerName: string): Watch;
  /** Ends all watches, and lets none begin. */
  close(): void;
}

/** One watch. */
export interface Watch {
  /** The next message: undefined when it has ended, or `waitMs` have passed without one. Rejects when calls cannot be read. */
  next(waitMs: number): Promise<WatchMessage | undefined>;
  readonly hasEnded: boolean;
  /** When calls that are decided from now on will be shown. */
  readonly ready: Promise<void>;
  end(): void;
}

/** What the feed is made of. */
export interface CallFeedParts {
  readonly calls: Pick<Calls, 'fresh' | 'summaries'>;
  readonly clock: Clock;
}

/**
 * Shows administrators the calls that any replica decides. They are read from the store once a second for each
 * organization that is watched, by its index of time, so that no Check does anything for it.
 */
export function createCallFeed({ calls, clock }: CallFeedParts): CallFeed {
  const hubs = new Map<string, CallHub>();
  let isClosed = false;

  function requireRoom(callerName: string): void {
    if (isClosed) throw stopping();
    const all = [...hubs.values()].flatMap((hub) => [...hub.watchers.values()]);
    const own = all.filter((name) => name === callerName).length;
    if (own >= mostOfCaller) throw tooMany(`a caller may have at most ${mostOfCaller} watches`);
    if (all.length >= mostOfReplica) throw tooMany(`a server may have ${mostOfReplica} watches`);
  }

  function hubOf(orgId: string): CallHub {
    const hub = hubs.get(orgId) ?? createCallHub(calls, orgId, clock.nowMs());
    hubs.set(orgId, hub);
    return hub;
  }

  return {
    watch(filter, callerName) {
      requireRoom(callerName);
      const hub = hubOf(filter.orgId);
      const watcher = createWatcher(filter);
      hub.add(watcher, callerName);
      return {
        next: (waitMs) => watcher.next(waitMs),
        ready: hub.ready,
        get hasEnded() {
          return watcher.hasEnded;
        },
        end() {
          watcher.end();
          if (!hub.remove(watcher)) return;
          hub.stop();
          hubs.delete(filter.orgId);
        },
      };
    },
    close() {
      isClosed = true;
      for (const hub of hubs.values()) {
        hub.stop();
        for (const watcher of hub.watchers.keys()) watcher.end();
      }
    },
  };
}

function tooMany(message: string): ServiceError {
  return new ServiceError('OVERLOADED', message, { retryAfterMs: 10_000 });
}

function stopping(): ServiceError {
  const message = 'this server is stopping: use another one';
  return new ServiceError('SERVER_STOPPING', message, { retryAfterMs: 0 });
}
