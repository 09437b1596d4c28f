import type { Pool } from 'pg';
import { storeFailure } from '../db/errors.ts';
import type { AuditHead } from './audit-trail.ts';

/** The end of a chain, and whose it is. */
export interface GrownChain extends AuditHead {
  readonly orgId: string;
}

/** Times of entries are those of the replica that appended them: so much a clock may differ from ours. */
const overlapMs = 120_000;

/**
 * Finds the chains that have grown since it was last asked, on whatever replica, each once. Their ends are for the log:
 * kept there, they show later whether an end was cut off.
 */
export function createGrownChains(
  pool: Pool,
  nowMs: () => number,
): () => Promise<readonly GrownChain[]> {
  let found = new Map<string, number>();
  let sinceMs = nowMs();
  return async () => {
    const startedMs = nowMs();
    const { rows } = await pool
      .query<{ org_id: string; sequence: string; hash: Buffer }>(
        'SELECT org_id, sequence, hash FROM audit_chain WHERE at >= $1 ORDER BY org_id',
        [new Date(sinceMs - overlapMs)],
      )
      .catch((cause: unknown) => Promise.reject(storeFailure(cause)));
    const heads = rows.map((row) => ({
      orgId: row.org_id,
      sequence: Number(row.sequence),
      hash: row.hash,
    }));
    const grown = heads.filter(({ orgId, sequence }) => found.get(orgId) !== sequence);
    found = new Map(heads.map(({ orgId, sequence }) => [orgId, sequence]));
    sinceMs = startedMs;
    return grown;
  };
}
