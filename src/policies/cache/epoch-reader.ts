import type { Pool } from 'pg';
import { storeFailure } from '../../db/errors.ts';
import { lateLookup } from './late-lookup.ts';
import { batchLookups } from '../../platform/batch-lookups.ts';
import { lookupsOneByOne } from '../../platform/lookups-one-by-one.ts';
import { ServiceError } from '../../platform/service-error.ts';

/** The epoch of the views of an organization as the store has it after the call; undefined if there is no such organization. */
export type EpochReader = (orgId: string) => Promise<number | undefined>;

/** The least time between two queries: whatever is refused, at most two hundred queries a second. */
const intervalMs = 5;

/** What the reader is made of. */
export interface EpochReaderParts {
  readonly pool: Pool;
  readonly maxLookups: number;
  /** A query has one organization, for a distributed PostgreSQL. */
  readonly perOrganization: boolean;
}

/**
 * Reads epochs in batches: one query at a time, of at most `maxLookups` organizations. More fail with
 * RESOURCE_EXHAUSTED `OVERLOADED`; calls for one organization share its place.
 */
export function createEpochReader(parts: EpochReaderParts): EpochReader {
  const { pool } = parts;
  const bounds = { maxKeys: parts.maxLookups, full: overloaded, intervalMs };
  return parts.perOrganization
    ? lookupsOneByOne((orgId) => readEpoch(pool, orgId), { ...bounds, ...lateLookup })
    : batchLookups((orgIds) => readEpochs(pool, orgIds), bounds);
}

const newestEpoch =
  'SELECT o.org_id, o.epoch + p.epoch AS epoch FROM org AS o CROSS JOIN platform AS p';

async function readEpoch(pool: Pool, orgId: string): Promise<number | undefined> {
  try {
    const text = `${newestEpoch} WHERE o.org_id = $1`;
    const { rows } = await pool.query<{ epoch: string }>(text, [orgId]);
    return rows[0] && Number(rows[0].epoch);
  } catch (cause) {
    throw storeFailure(cause);
  }
}

async function readEpochs(
  pool: Pool,
  orgIds: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  try {
    const { rows } = await pool.query<{ org_id: string; epoch: string }>(
      `${newestEpoch} WHERE o.org_id = ANY ($1::text[])`,
      [orgIds],
    );
    return new Map(rows.map((row) => [row.org_id, Number(row.epoch)]));
  } catch (cause) {
    throw storeFailure(cause);
  }
}

function overloaded(): ServiceError {
  const message = 'too many organizations are looked up at once';
  return new ServiceError('OVERLOADED', message, { retryAfterMs: 1000 });
}
