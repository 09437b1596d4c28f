import type { PolicyStore } from '../../policies/policy-store.ts';
import type { CallFeed } from './call-feed.ts';
import type { WatchFilter, WatchMessage } from './call-watcher.ts';

/** How long nothing is said at most. */
const heartbeatMs = 5000;
/** How often it is looked whether the caller still may watch. */
const permissionMs = 2000;

/** Until when, and for whom, calls are watched. */
export interface WatchTerms {
  readonly callerName: string;
  /** An instant on the monotonic clock, milliseconds. */
  readonly deadlineMs: number;
  /** Aborted when the caller has gone. */
  readonly cancelled: AbortSignal;
  /** Rejects as soon as the caller may not watch any more. */
  assertPermitted(): Promise<void>;
}

/**
 * The calls of an organization as they are decided, until the deadline. NOT_FOUND if the organization is unknown. A message
 * without calls says that the stream lives.
 */
export async function* watchCalls(
  store: Pick<PolicyStore, 'getOrganization'>,
  feed: CallFeed,
  filter: WatchFilter,
  terms: WatchTerms,
): AsyncGenerator<WatchMessage> {
  await store.getOrganization(filter.orgId);
  const watch = feed.watch(filter, terms.callerName);
  const end = (): void => watch.end();
  terms.cancelled.addEventListener('abort', end);
  try {
    await watch.ready;
    yield silence;
    let [saidMs, askedMs] = [performance.now(), performance.now()];
    while (!watch.hasEnded && performance.now() < terms.deadlineMs) {
      const nowMs = performance.now();
      const untilMs = Math.min(saidMs + heartbeatMs, askedMs + permissionMs, terms.deadlineMs);
      const message = await watch.next(Math.max(0, untilMs - nowMs));
      if (watch.hasEnded) return;
      if (performance.now() >= askedMs + permissionMs) {
        await terms.assertPermitted();
        askedMs = performance.now();
      }
      if (message === undefined && performance.now() < saidMs + heartbeatMs) continue;
      yield message ?? silence;
      saidMs = performance.now();
    }
  } finally {
    terms.cancelled.removeEventListener('abort', end);
    watch.end();
  }
}

const silence: WatchMessage = { calls: [], dropped: 0, missed: 0 };
