import type { Pool } from 'pg';
import { batchLookups } from '../../platform/batch-lookups.ts';
import type { LoadOne } from '../../platform/batch-lookups.ts';
import { callKey } from './call-key.ts';
import { knownCall } from './known-call.ts';
import type { KnownCall } from './known-call.ts';
import { callRow, readCalls } from '../sql/read-state.ts';

/** Finds a call as it is in the database; undefined if it was never seen. */
export type CallLookup = (orgId: string, requestId: string) => Promise<KnownCall | undefined>;

/** What calls are looked up with. */
export interface CallLookupOptions {
  readonly pool: Pool;
  /** One organization per query, for a distributed PostgreSQL: one that cannot be read fails no other. */
  readonly perOrganization: boolean;
  /** Look-ups that may wait for the next query; more fail with what `full` makes. */
  readonly most: number;
  readonly full: () => Error;
}

/**
 * Looks calls up outside of batches, without locks: by one query at a time, which those share that are asked
 * for meanwhile. So an outbox that is sent after a restart, or Reports whose Checks were answered by other
 * replicas, cost few queries.
 */
export function createCallLookup({
  pool,
  perOrganization,
  most,
  full,
}: CallLookupOptions): CallLookup {
  const text = perOrganization ? readCalls.perOrganizationText : readCalls.text;
  const create = (): LoadOne<KnownCall> =>
    batchLookups((keys) => readKeys(pool, text, keys), { maxKeys: most, full });
  if (perOrganization) return eachOrganization(create);
  const find = create();
  return (orgId, requestId) => find(callKey(orgId, requestId));
}

/** Batches the look-ups of each organization apart, for as long as it has any. */
function eachOrganization(create: () => LoadOne<KnownCall>): CallLookup {
  const organizations = new Map<string, { readonly find: LoadOne<KnownCall>; waiting: number }>();
  return async (orgId, requestId) => {
    const own = organizations.get(orgId) ?? { find: create(), waiting: 0 };
    organizations.set(orgId, own);
    own.waiting += 1;
    try {
      return await own.find(callKey(orgId, requestId));
    } finally {
      own.waiting -= 1;
      if (own.waiting === 0) organizations.delete(orgId);
    }
  };
}

async function readKeys(
  pool: Pool,
  text: string,
  keys: readonly string[],
): Promise<ReadonlyMap<string, KnownCall>> {
  const ids = keys.map((key) => key.split('\n'));
  const { rows } = await pool.query<(string | null)[]>({
    // On one connection a name stands for one text.
    name: text === readCalls.text ? readCalls.name : `${readCalls.name}-of-one`,
    text,
    values: [ids.map(([orgId]) => orgId), ids.map(([, id]) => id), ids.map(() => 0)],
    rowMode: 'array',
  });
  const calls = rows.map((row) => knownCall(callRow(row)));
  return new Map(calls.map((call) => [callKey(call.orgId, call.requestId), call]));
}
