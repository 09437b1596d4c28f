import type { Pool } from 'pg';

/**
 * Makes a database say that it has the extension Citus: its row in the catalog, the tables that are asked, and functions
 * that note what they are called with in `citus_call`. The database must be of this test alone, its user a superuser.
 */
export async function pretendCitus(pool: Pool, group = 0): Promise<void> {
  await pool.query(`BEGIN;
SET LOCAL allow_system_table_mods = on;
INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
SELECT 99999, 'citus', r.oid, n.oid, false, '13.2-1' FROM pg_roles r, pg_namespace n
WHERE r.rolname = current_user AND n.nspname = 'public';
CREATE TABLE pg_catalog.pg_dist_local_group (groupid int);
INSERT INTO pg_dist_local_group VALUES (${group});
CREATE TABLE pg_catalog.pg_dist_partition (logicalrelid regclass);
CREATE SCHEMA pretended;
CREATE TABLE pretended.citus_call (at bigserial, call text);
CREATE FUNCTION create_distributed_table(name regclass, by text, colocate_with text DEFAULT 'default') RETURNS void
  LANGUAGE sql BEGIN ATOMIC
  INSERT INTO pg_dist_partition VALUES (name);
  INSERT INTO pretended.citus_call (call) VALUES (name || ' by ' || by || ' with ' || colocate_with);
END;
CREATE FUNCTION create_reference_table(name regclass) RETURNS void LANGUAGE sql BEGIN ATOMIC
  INSERT INTO pg_dist_partition VALUES (name);
  INSERT INTO pretended.citus_call (call) VALUES (name || ' everywhere');
END;
COMMIT`);
}

/** What the functions were called with, in turn. */
export async function citusCalls(pool: Pool): Promise<readonly string[]> {
  const { rows } = await pool.query<{ call: string }>(
    'SELECT call FROM pretended.citus_call ORDER BY at',
  );
  return rows.map(({ call }) => call);
}
