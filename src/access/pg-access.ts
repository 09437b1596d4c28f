import { LRUCache } from 'lru-cache';
import type { Pool } from 'pg';
import { storeFailure } from '../db/errors.ts';
import { gatherLookups } from '../platform/gather.ts';
import { secretSha256 } from '../platform/secret.ts';
import { ServiceError } from '../platform/service-error.ts';
import type { Access, Plane } from '../service/access.ts';
import type { Caller } from '../service/caller.ts';

/** How long an answer is taken as it was; so long does a revoked secret live on at most. */
const freshMs = 10_000;
/** How long a known caller passes while the store is out of reach. */
const staleMs = 10 * 60_000;
const mostRemembered = 10_000;
const mostWaiting = 1000;

/** What was found for a presented secret or name, and when. */
interface Remembered {
  readonly caller: Caller | undefined;
  readonly atMs: number;
}

/** The database's answer to one look-up, as far as this file reads it. */
interface AccessRow {
  readonly presented: string;
  readonly name: string;
  readonly role: Caller['role'];
  readonly org_ids: string[] | null;
}

/** Access over the table `access_secret`, with a bounded memory for the known and the unknown. */
export function createPgAccess(parts: {
  readonly pool: Pool;
  /** Milliseconds that only grow; for tests. */
  readonly monotonicMs?: () => number;
}): Access {
  const { pool, monotonicMs = () => performance.now() } = parts;
  const bySecret = `sha256 = ANY (SELECT decode(hex, 'hex') FROM unnest($1::text[]) AS hex)`;
  const remember = (column: string, condition: string) =>
    createMemory(
      pool,
      `SELECT ${column} AS presented, name, role, org_ids FROM access_secret
      WHERE revoked_at IS NULL AND ${condition}`,
      monotonicMs,
    );
  const secrets = remember(`encode(sha256, 'hex')`, bySecret);
  const names = remember('name', 'name = ANY ($1::text[])');
  return {
    authenticate: (secret, plane) => onPlane(secrets(secretSha256(secret).toString('hex')), plane),
    identify: (name, plane) => onPlane(names(name), plane),
  };
}

type Lookup = (presented: string) => Promise<Caller | undefined> | Caller | undefined;

function createMemory(pool: Pool, statement: string, monotonicMs: () => number): Lookup {
  // Apart, so that a flood of unknown secrets does not push the known ones out.
  const known = new LRUCache<string, Remembered>({ max: mostRemembered });
  const unknown = new LRUCache<string, Remembered>({ max: mostRemembered });
  const load = gatherLookups((keys) => query(pool, statement, keys), mostWaiting, overloaded);

  async function ask(presented: string, before: Remembered | undefined) {
    try {
      const caller = await load(presented);
      const [now, other] = caller === undefined ? [unknown, known] : [known, unknown];
      now.set(presented, { caller, atMs: monotonicMs() });
      other.delete(presented);
      return caller;
    } catch (error) {
      const usable = before?.caller !== undefined && monotonicMs() - before.atMs < staleMs;
      if (usable) return before.caller;
      throw error;
    }
  }

  return (presented) => {
    const before = known.get(presented) ?? unknown.get(presented);
    const isFresh = before !== undefined && monotonicMs() - before.atMs < freshMs;
    return isFresh ? before.caller : ask(presented, before);
  };
}

async function query(
  pool: Pool,
  statement: string,
  keys: readonly string[],
): Promise<ReadonlyMap<string, Caller>> {
  const { rows } = await pool.query<AccessRow>(statement, [keys]).catch((cause: unknown) => {
    throw storeFailure(cause);
  });
  return new Map(rows.map((row) => [row.presented, callerOf(row)]));
}

function callerOf(row: AccessRow): Caller {
  const orgIds = row.org_ids === null ? undefined : new Set(row.org_ids);
  return { name: row.name, role: row.role, orgIds };
}

function onPlane(
  found: ReturnType<Lookup>,
  plane: Plane,
): Promise<Caller | undefined> | Caller | undefined {
  if (found instanceof Promise) return found.then((caller) => ofPlane(caller, plane));
  return ofPlane(found, plane);
}

/** A gateway's token opens the data plane only, an administrator's secret the other only. */
function ofPlane(caller: Caller | undefined, plane: Plane): Caller | undefined {
  const opens = caller?.role === 'gateway' ? 'data' : 'admin';
  return opens === plane ? caller : undefined;
}

function overloaded(): ServiceError {
  return new ServiceError('RESOURCE_EXHAUSTED', 'OVERLOADED', 'too many unknown callers at once', {
    retryAfterMs: 1000,
  });
}
