import type { Pool } from 'pg';
import { storeFailure } from '../db/errors.ts';
import { createPgCalls } from '../ledger/calls/pg-calls.ts';
import { createPgEvents } from '../ledger/events/pg-events.ts';
import { createGatedReads } from '../ledger/gated-reads.ts';
import { overloaded } from '../ledger/lane/lane.ts';
import type { Clock } from '../platform/clock.ts';
import { createFairSemaphore } from '../platform/fair-semaphore.ts';
import type { PolicyStore } from '../policies/policy-store.ts';
import { createCallFeed } from '../service/admin/call-feed.ts';
import type { CallFeed } from '../service/admin/call-feed.ts';
import type { Calls } from '../service/admin/calls.ts';
import { createCountEvents } from '../service/admin/count-events.ts';
import type { Events } from '../service/admin/events.ts';
import { createExplainCall } from '../service/admin/explain-call.ts';
import type { ExplainCallParts } from '../service/admin/explain-call.ts';

/** What answers questions about calls and events. */
export interface CallParts {
  readonly calls: {
    readonly calls: Calls;
    readonly explainCall: ReturnType<typeof createExplainCall>;
    readonly feed: CallFeed;
  };
  readonly events: {
    readonly events: Events;
    readonly countEvents: ReturnType<typeof createCountEvents>;
  };
}

/** What it works on. */
export interface OpenCallsParts extends ExplainCallParts {
  readonly store: PolicyStore;
  readonly clock: Clock;
}

/** Connects the parts that read and explain calls and events. */
export function openCalls(pool: Pool, parts: OpenCallsParts): CallParts {
  // They are read with half of the administrators' connections; one organization may have half of these.
  const most = Math.max(1, Math.floor(pool.options.max / 2));
  const read = createGatedReads({
    pool,
    monotonicMs: () => performance.now(),
    gate: createFairSemaphore({ most, mostWaiting: 64, full: overloaded }),
    failure: storeFailure,
  });
  const events = createPgEvents(read);
  const calls = createPgCalls(read);
  const feed = createCallFeed({ calls, clock: parts.clock });
  return {
    calls: { calls, explainCall: createExplainCall(parts), feed },
    events: { events, countEvents: createCountEvents({ ...parts, events }) },
  };
}
