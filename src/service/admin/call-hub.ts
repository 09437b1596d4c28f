import type { Calls, CallSummary, FreshCall } from './calls.ts';
import type { Watcher } from './call-watcher.ts';
import { createFollower } from './follow-calls.ts';

/** The watchers of one organization, who share what is read. */
export interface CallHub {
  /** By watcher, the name of the caller. */
  readonly watchers: ReadonlyMap<Watcher, string>;
  /** When the first look has found what was there before. */
  readonly ready: Promise<void>;
  add(watcher: Watcher, callerName: string): void;
  /** Whether nobody is left. */
  remove(watcher: Watcher): boolean;
  stop(): void;
}

const lookEveryMs = 1000;

/** Begins to look at an organization's calls, from an instant on. A look that fails ends its watchers. */
export function createCallHub(
  calls: Pick<Calls, 'fresh' | 'summaries'>,
  orgId: string,
  startMs: number,
): CallHub {
  const watchers = new Map<Watcher, string>();
  const follower = createFollower(calls, orgId, startMs);
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;

  async function look(): Promise<void> {
    try {
      const { fresh, missed } = await follower.next();
      const wanted = new Map<Watcher, readonly FreshCall[]>();
      for (const watcher of watchers.keys()) wanted.set(watcher, watcher.choose(fresh, missed));
      const ids = [...new Set([...wanted.values()].flat().map(({ requestId }) => requestId))];
      const read = ids.length === 0 ? [] : await calls.summaries(orgId, ids);
      const byId = new Map(read.map((call): [string, CallSummary] => [call.requestId, call]));
      for (const [watcher, chosen] of wanted) {
        watcher.send(chosen.flatMap(({ requestId }) => byId.get(requestId) ?? []));
      }
    } catch (cause) {
      for (const watcher of watchers.keys()) watcher.fail(cause);
    }
    if (!isStopped) timer = setTimeout(() => void look(), lookEveryMs);
  }

  return {
    watchers,
    ready: look(),
    add: (watcher, callerName) => void watchers.set(watcher, callerName),
    remove: (watcher) => watchers.delete(watcher) && watchers.size === 0,
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
