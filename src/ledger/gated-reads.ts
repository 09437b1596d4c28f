import type { Pool, PoolClient } from 'pg';
import { createReadUntil } from '../db/read-until.ts';
import type { ReadLimits } from '../db/read-until.ts';
import type { FairSemaphore } from '../platform/fair-semaphore.ts';

/** What an administrator's questions are read with. */
export interface GatedReadsOptions {
  readonly pool: Pool;
  readonly monotonicMs: () => number;
  /** Readings at once, shared among organizations. */
  readonly gate: FairSemaphore;
  /** What a failed query is to the caller. */
  readonly failure: (cause: unknown) => Error;
}

/** Reads for an organization, in one transaction that sees one instant. */
export type GatedRead = <T>(
  orgId: string,
  limits: ReadLimits,
  work: (client: Pick<PoolClient, 'query'>) => Promise<T>,
) => Promise<T>;

/** Creates a reader. A reading waits for its turn, and ends at the caller's deadline or when the caller goes. */
export function createGatedReads(options: GatedReadsOptions): GatedRead {
  const readUntil = createReadUntil(options.pool, options.monotonicMs);
  return async (orgId, limits, work) => {
    try {
      return await options.gate.pass(orgId, () => readUntil(limits, (client) => work(client)));
    } catch (cause) {
      throw options.failure(cause);
    }
  };
}
