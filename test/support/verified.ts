import type { Pool } from 'pg';
import { verifyOrganization } from '../../src/ledger/record/verify.ts';
import type { Difference } from '../../src/ledger/record/verify.ts';

/** Where an organization's meters differ from what the record says, computed by SQL under its lock. */
export async function differencesOf(pool: Pool, orgId: string): Promise<Difference[]> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    return await verifyOrganization(client, orgId, false);
  } finally {
    await client.query('ROLLBACK');
    client.release();
  }
}
