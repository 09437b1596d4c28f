import type { Pool } from 'pg';
import { batchLookups } from '../../platform/batch-lookups.ts';
import { callKey } from './call-key.ts';
import { knownCall } from './known-call.ts';
import type { KnownCall } from './known-call.ts';
import { callRow, readCalls } from '../sql/read-state.ts';

/** Finds a call as it is in the database; undefined if it was never seen. */
export type CallLookup = (orgId: string, requestId: string) => Promise<KnownCall | undefined>;

/**
 * Looks calls up outside of batches, without locks: by one query at a time, which those share that are asked
 * for meanwhile. So an outbox that is sent after a restart, or Reports whose Checks were answered by other
 * replicas, cost few queries. Fails as `full` says where more than `most` wait.
 */
export function createCallLookup(pool: Pool, most: number, full: () => Error): CallLookup {
  const find = batchLookups(
    async (keys) => {
      const ids = keys.map((key) => key.split('\n'));
      const { rows } = await pool.query<(string | null)[]>({
        ...readCalls,
        values: [ids.map(([orgId]) => orgId), ids.map(([, id]) => id), ids.map(() => 0)],
        rowMode: 'array',
      });
      const calls = rows.map((row) => knownCall(callRow(row)));
      return new Map(calls.map((call) => [callKey(call.orgId, call.requestId), call]));
    },
    { maxKeys: most, full },
  );
  return (orgId, requestId) => find(callKey(orgId, requestId));
}
