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

/** What the connections of a lane differ in. */
export interface LaneSession {
  /** A distributed PostgreSQL. */
  readonly isDistributed: boolean;
  /** How long a statement waits for each of its locks, milliseconds. */
  readonly lockTimeoutMs: number;
}

/** Makes a connection ready for batches: how it plans and waits, and the statements of a batch by name. */
export async function prepareLane(
  client: ClientBase,
  { isDistributed, lockTimeoutMs }: LaneSession,
): Promise<void> {
  const settings = [...planning, `SET lock_timeout = ${lockTimeoutMs}`];
  if (!isDistributed) settings.push(planningOnce);
  await client.query(settings.join(';\n'));
  // One by one: with each use of a statement the server copies all of the text that it was prepared in.
  for (const { name, text } of statements) await client.query(`PREPARE "${name}" AS ${text}`);
}
