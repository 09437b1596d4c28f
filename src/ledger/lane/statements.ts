import type { ClientBase } from 'pg';
import { applyDeltas } from '../sql/apply-deltas.ts';
import { agreeOnEpochs, holdCalls } from '../sql/hold-calls.ts';
import { readCalls, readEpochs } from '../sql/read-state.ts';
import { insertCalls, updateCalls } from '../sql/write-calls.ts';
import { insertEvents } from '../sql/write-events.ts';
import { insertUsage } from '../sql/write-usage.ts';

const statements = [
  holdCalls,
  agreeOnEpochs,
  applyDeltas,
  readEpochs,
  readCalls,
  insertCalls,
  updateCalls,
  insertUsage,
  insertEvents,
];

/**
 * Every statement of a lane reaches its rows by a key, whatever the statistics say: a plan made while a
 * table was small would read all of it, batch after batch, until the next ANALYZE.
 */
const planning = [
  'SET enable_seqscan = off',
  'SET enable_hashjoin = off',
  'SET enable_mergejoin = off',
  'SET jit = off',
];

/** A distributed PostgreSQL cannot plan without the values, since these say where to. */
const planningOnce = 'SET plan_cache_mode = force_generic_plan';

/** Makes a connection ready for batches: how it plans, and the statements of a batch by name. */
export async function prepareLane(client: ClientBase, isDistributed: boolean): Promise<void> {
  await client.query([...planning, ...(isDistributed ? [] : [planningOnce])].join(';\n'));
  // One by one: with each use of a statement the server copies all of the text that it was prepared in.
  for (const { name, text } of statements) await client.query(`PREPARE "${name}" AS ${text}`);
}
