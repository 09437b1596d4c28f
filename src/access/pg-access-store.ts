import type { Pool } from 'pg';
import { storeFailure } from '../db/errors.ts';
import type { AccessStore } from '../service/access.ts';

/** The table `access_secret`, written. */
export function createPgAccessStore(pool: Pool): AccessStore {
  return {
    async isEmpty() {
      const { rowCount } = await pool
        .query('SELECT 1 FROM access_secret LIMIT 1')
        .catch((cause: unknown) => Promise.reject(storeFailure(cause)));
      return rowCount === 0;
    },
    async create(entries) {
      const rows = entries.map(({ name, role, orgIds, sha256 }) => ({
        sha256: sha256.toString('hex'),
        name,
        role,
        org_ids: orgIds ?? null,
      }));
      // One statement: all or none, also when two processes start on the same store at once.
      const { rowCount } = await pool
        .query(
          `WITH entry AS (
             SELECT decode(sha256, 'hex') AS sha256, name, role, org_ids
             FROM json_to_recordset($1) AS e (sha256 text, name text, role text, org_ids text[])
           )
           INSERT INTO access_secret (sha256, name, role, org_ids)
           SELECT sha256, name, role, org_ids FROM entry
           WHERE NOT EXISTS (SELECT 1 FROM access_secret JOIN entry USING (name))
           ON CONFLICT DO NOTHING`,
          [JSON.stringify(rows)],
        )
        .catch((cause: unknown) => Promise.reject(storeFailure(cause)));
      return rowCount === entries.length;
    },
  };
}
