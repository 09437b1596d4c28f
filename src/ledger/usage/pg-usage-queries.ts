import type { Pool } from 'pg';
import { createReadUntil } from '../../db/read-until.ts';
import { createFairSemaphore } from '../../platform/fair-semaphore.ts';
import type { UsageQueries } from '../../service/admin/usage-queries.ts';
import { quarterFrom } from '../record/quarters.ts';
import { queryUsage } from './query-usage.ts';

/** What queries of usage are answered with. */
export interface PgUsageQueriesOptions {
  readonly pool: Pool;
  /** Queries that read at once, of all organizations; one organization may have half of them. */
  readonly mostAtOnce: number;
  readonly monotonicMs: () => number;
  /** What a query is refused with when too many of its organization wait. */
  readonly overloaded: () => Error;
  /** What callers are answered when the store fails. */
  readonly failure: (cause: unknown) => Error;
}

/** Queries of one organization that wait; more are refused. */
const mostWaiting = 64;

/** Sums usage in PostgreSQL. What it reads with is stopped at the caller's deadline, or when the caller goes. */
export function createPgUsageQueries(options: PgUsageQueriesOptions): UsageQueries {
  const { mostAtOnce: most, overloaded: full } = options;
  const gate = createFairSemaphore({ most, mostWaiting, full });
  const readUntil = createReadUntil(options.pool, options.monotonicMs);
  return {
    async query(query, limits) {
      // The sums are of quarters of an hour, which every zone's days and hours begin with now.
      const cutsMs = query.cutsMs.map(quarterFrom);
      try {
        return await gate.pass(query.orgId, () =>
          readUntil(limits, (client) => queryUsage(client, { ...query, cutsMs })),
        );
      } catch (cause) {
        throw options.failure(cause);
      }
    },
  };
}
