import type { Pool, PoolClient } from 'pg';
import { storeFailure } from '../db/errors.ts';
import { inTransaction } from '../db/transaction.ts';
import { ServiceError, invalidFields } from '../platform/service-error.ts';
import type { AccessStore, ListedAccess, NewAccess } from '../service/auth.ts';

/** The table `access_secret`, written. */
export function createPgAccessStore(pool: Pool): AccessStore {
  return {
    async isEmpty() {
      const { rowCount } = await query(pool, 'SELECT 1 FROM access_secret LIMIT 1', []);
      return rowCount === 0;
    },
    create: (entries, show) => create(pool, entries, show),
    async list() {
      const { rows } = await query(
        pool,
        `SELECT name, role, org_ids, created_at, revoked_at FROM access_secret ORDER BY name`,
        [],
      );
      return rows.map(listedOf);
    },
    async revoke(name) {
      const { rowCount } = await query(
        pool,
        'UPDATE access_secret SET revoked_at = COALESCE(revoked_at, now()) WHERE name = $1',
        [name],
      );
      return rowCount === 1;
    },
  };
}

interface AccessRow {
  readonly name: string;
  readonly role: NewAccess['role'];
  readonly org_ids: string[] | null;
  readonly created_at: Date;
  readonly revoked_at: Date | null;
}

function query(pool: Pool, text: string, parameters: readonly unknown[]) {
  return pool.query<AccessRow>(text, [...parameters]).catch((cause: unknown) => {
    throw storeFailure(cause);
  });
}

function listedOf(row: AccessRow): ListedAccess {
  return {
    name: row.name,
    role: row.role,
    orgIds: row.org_ids ?? undefined,
    createdAtMs: row.created_at.getTime(),
    revokedAtMs: row.revoked_at?.getTime(),
  };
}

async function create(
  pool: Pool,
  entries: readonly NewAccess[],
  show: () => Promise<void> = () => Promise.resolve(),
): Promise<boolean> {
  for (const { role, orgIds } of entries) assertRole(role, orgIds);
  let shown: Promise<void> | undefined;
  let failure: ServiceError | undefined;
  try {
    await inTransaction(pool, async (client) => {
      if ((await insert(client, entries)) !== entries.length) throw taken;
      // Once, however often the transaction is repeated.
      shown ??= show();
      await shown.catch((cause: unknown) => {
        failure = notShown(cause);
        throw failure;
      });
    });
    return true;
  } catch (cause) {
    if (cause === taken) return false;
    throw shown === undefined || cause === failure ? cause : notCommitted(cause);
  }
}

/** Another process that inserts the same names waits here for the end of this transaction. */
async function insert(client: PoolClient, entries: readonly NewAccess[]): Promise<number> {
  const rows = entries.map(({ name, role, orgIds, sha256 }) => ({
    sha256: sha256.toString('hex'),
    name,
    role,
    org_ids: orgIds ?? null,
  }));
  const { rowCount } = await client.query(
    `INSERT INTO access_secret (sha256, name, role, org_ids)
     SELECT decode(sha256, 'hex'), name, role, org_ids
     FROM json_to_recordset($1) AS e (sha256 text, name text, role text, org_ids text[])
     ORDER BY name
     ON CONFLICT DO NOTHING`,
    [JSON.stringify(rows)],
  );
  return rowCount ?? 0;
}

function assertRole(role: NewAccess['role'], orgIds: readonly string[] | undefined): void {
  if (role !== 'platform_admin' || orgIds === undefined) return;
  const description = 'a platform_admin acts for every organization; expected none';
  throw invalidFields([{ field: 'org_ids', description }]);
}

/** Rolls back a transaction in which not every name was free. It is never sent. */
const taken = new ServiceError('INTERNAL', 'name: is taken');

/** The end of the transaction is unknown. */
function notCommitted(cause: unknown): unknown {
  if (!(cause instanceof ServiceError)) return cause;
  const message = `${cause.message}; the secrets that were shown may not be valid`;
  return new ServiceError('INTERNAL', message, { cause });
}

function notShown(cause: unknown): ServiceError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new ServiceError('INTERNAL', `nothing was created: ${why}`, { cause });
}
