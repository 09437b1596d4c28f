import { LRUCache } from 'lru-cache';
import type { Pool } from 'pg';
import { storeFailure } from '../db/errors.ts';
import { secretSha256 } from '../platform/secret.ts';
import type { Access, Account, Plane } from '../service/auth.ts';
import { isOfDataPlane } from '../service/caller.ts';
import { grantsOf, isValidSecret } from './account-rows.ts';
import type { GrantDoc } from './account-rows.ts';
import { createCallerCache } from './caller-cache.ts';
import type { FindCaller } from './caller-cache.ts';

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
  readonly grants: readonly GrantDoc[];
}

/** What access reads from. */
export interface PgAccessParts {
  /** Best a pool of its own with `maxAccessQueries` connections, so that no look-up waits for another query. */
  readonly pool: Pool;
  /** Milliseconds that only grow; for tests. */
  readonly monotonicMs?: () => number;
  /** How long an unanswered look-up may last before the store counts as out of reach. */
  readonly silenceMs?: number;
  /** Hears of each use of a valid secret, by the hex of its hash. */
  readonly onUse?: (sha256: string) => void;
}

/** Access over the accounts of the database, their secrets and the names of their certificates. */
export function createPgAccess(parts: PgAccessParts): Access & { close(): void } {
  const { pool, monotonicMs = () => performance.now(), silenceMs = 1000 } = parts;
  const { onUse = () => undefined } = parts;
  const cacheOf = (statement: string) => {
    const load = (keys: readonly string[]) => query(pool, statement, keys);
    return createCallerCache({ load, monotonicMs, silenceMs });
  };
  const secrets = cacheOf(bySecret);
  const names = cacheOf(byCertificate);
  const digests = new LRUCache<string, string>({ max: maxDigests });
  const used = (account: Account | undefined, digest: string): Account | undefined => {
    if (account !== undefined) onUse(digest);
    return account;
  };
  const findBySecret: FindCaller = (secret, peer) => {
    const kept = digests.get(secret);
    const digest = kept ?? secretSha256(secret).toString('hex');
    const found = secrets.find(digest, peer);
    if (found instanceof Promise) return found.then((account) => used(account, digest));
    if (found !== undefined && kept === undefined) digests.set(secret, digest);
    return used(found, digest);
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

const bySecret = `SELECT encode(s.sha256, 'hex') AS presented, a.account_id AS name, a.grants
FROM account_secret s JOIN account a ON a.account_id = s.account_id
WHERE s.sha256 = ANY (SELECT decode(hex, 'hex') FROM unnest($1::text[]) AS hex)
  AND a.state = 'ENABLED' AND ${isValidSecret}`;

const byCertificate = `SELECT c.name AS presented, a.account_id AS name, a.grants
FROM account_certificate c JOIN account a ON a.account_id = c.account_id
WHERE c.name = ANY ($1::text[]) AND a.state = 'ENABLED'`;

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
  return { name: row.name, grants: grantsOf(row.grants) };
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
  const isOfPlane = account?.grants.every(({ role }) => isOfDataPlane(role) === (plane === 'data'));
  return isOfPlane === true ? account : undefined;
}
