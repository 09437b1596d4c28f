import { LRUCache } from 'lru-cache';
import type { Pool } from 'pg';
import { storeFailure } from '../db/errors.ts';
import { secretSha256 } from '../platform/secret.ts';
import type { Access, Account, Plane } from '../service/auth.ts';
import type { Role } from '../service/caller.ts';
import { createCallerCache } from './caller-cache.ts';
import type { FindCaller } from './caller-cache.ts';
import { planeOf } from './plane-of.ts';

/** Look-ups that may run at once: of new and of known callers, by secret and by name. */
export const maxAccessQueries = 4;

/**
 * Digests that are kept of secrets, so that a busy gateway's is not computed twice a call. Only of known callers:
 * a flood of wrong secrets displaces none. The look-up itself is not skipped.
 */
const maxDigests = 1000;

/** The database's answer to one look-up, as far as this file reads it. */
interface AccessRow {
  readonly presented: string;
  readonly name: string;
  readonly role: Role;
  readonly org_ids: string[] | null;
}

/** What access reads from. */
export interface PgAccessParts {
  /** Best a pool of its own with `maxAccessQueries` connections, so that no look-up waits for another query. */
  readonly pool: Pool;
  /** Milliseconds that only grow; for tests. */
  readonly monotonicMs?: () => number;
  /** How long an unanswered look-up may last before the store counts as out of reach. */
  readonly silenceMs?: number;
}

/** Access over the table `access_secret`. */
export function createPgAccess(parts: PgAccessParts): Access & { close(): void } {
  const { pool, monotonicMs = () => performance.now(), silenceMs = 1000 } = parts;
  const bySecret = `sha256 = ANY (SELECT decode(hex, 'hex') FROM unnest($1::text[]) AS hex)`;
  const cacheOf = (column: string, condition: string) => {
    const statement = `SELECT ${column} AS presented, name, role, org_ids FROM access_secret
      WHERE revoked_at IS NULL AND ${condition}`;
    const load = (keys: readonly string[]) => query(pool, statement, keys);
    return createCallerCache({ load, monotonicMs, silenceMs });
  };
  const secrets = cacheOf(`encode(sha256, 'hex')`, bySecret);
  const names = cacheOf('name', 'name = ANY ($1::text[])');
  const digests = new LRUCache<string, string>({ max: maxDigests });
  const findBySecret: FindCaller = (secret, peer) => {
    const kept = digests.get(secret);
    if (kept !== undefined) return secrets.find(kept, peer);
    const digest = secretSha256(secret).toString('hex');
    const found = secrets.find(digest, peer);
    if (found !== undefined && !(found instanceof Promise)) digests.set(secret, digest);
    return found;
  };
  return {
    authenticate: (secret, plane, peer) => onPlane(findBySecret(secret, peer), plane),
    identify: (name, plane, peer) => onPlane(names.find(name, peer), plane),
    close() {
      secrets.close();
      names.close();
    },
  };
}

async function query(
  pool: Pool,
  statement: string,
  keys: readonly string[],
): Promise<ReadonlyMap<string, Account>> {
  const { rows } = await pool.query<AccessRow>(statement, [keys]).catch((cause: unknown) => {
    throw storeFailure(cause);
  });
  return new Map(rows.map((row) => [row.presented, accountOf(row)]));
}

function accountOf(row: AccessRow): Account {
  const orgIds = row.org_ids === null ? undefined : new Set(row.org_ids);
  return { name: row.name, grants: [{ role: row.role, orgIds }] };
}

function onPlane(
  found: ReturnType<FindCaller>,
  plane: Plane,
): Promise<Account | undefined> | Account | undefined {
  if (found instanceof Promise) return found.then((account) => ofPlane(account, plane));
  return ofPlane(found, plane);
}

/** An account of the data plane opens that plane only, an administrator's the other only. */
function ofPlane(account: Account | undefined, plane: Plane): Account | undefined {
  const isOfPlane = account?.grants.every(({ role }) => planeOf[role] === plane);
  return isOfPlane === true ? account : undefined;
}
