import type { Pool } from 'pg';
import { storeFailure } from '../db/errors.ts';
import { createPgCalls } from '../ledger/calls/pg-calls.ts';
import { createFairSemaphore } from '../platform/fair-semaphore.ts';
import { ServiceError } from '../platform/service-error.ts';
import type { Calls } from '../service/admin/calls.ts';
import { createExplainCall } from '../service/admin/explain-call.ts';
import type { ExplainCallParts } from '../service/admin/explain-call.ts';

/** What answers questions about calls. */
export interface CallParts {
  readonly calls: Calls;
  readonly explainCall: ReturnType<typeof createExplainCall>;
}

/** Connects the parts that read and explain calls. */
export function openCalls(pool: Pool, parts: ExplainCallParts): CallParts {
  return {
    calls: openKeptCalls(pool, pool.options.max),
    explainCall: createExplainCall(parts),
  };
}

/** Calls are read with half of the administrators' connections; an organization with half of these. */
function openKeptCalls(pool: Pool, poolSize: number): Calls {
  const full = (): Error =>
    new ServiceError('OVERLOADED', 'too many readings of calls wait', { retryAfterMs: 1000 });
  return createPgCalls({
    pool,
    monotonicMs: () => performance.now(),
    gate: createFairSemaphore({
      most: Math.max(1, Math.floor(poolSize / 2)),
      mostWaiting: 64,
      full,
    }),
    failure: storeFailure,
  });
}
