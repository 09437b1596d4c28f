import type { ClientBase } from 'pg';
import type { BatchStatement } from '../sql/batch-statement.ts';
import { applyDeltas } from '../sql/apply-deltas.ts';
import { agreeOnEpochs, agreeOnRecord, holdCalls, holdUnusualCalls } from '../sql/hold-calls.ts';
import { readCalls, readEpochs } from '../sql/read-state.ts';
import { insertCalls, updateCalls } from '../sql/write-calls.ts';
import { claimWindows, insertEvents } from '../sql/write-events.ts';
import { insertUsage } from '../sql/write-usage.ts';

/** Writing first is for mixed batches: a distributed PostgreSQL refuses a statement that writes two tables. */
const writeFirst = [holdCalls, holdUnusualCalls, agreeOnEpochs, agreeOnRecord];

const decideFirst: readonly BatchStatement[] = [
  applyDeltas,
  readEpochs,
  readCalls,
  insertCalls,
  updateCalls,
  insertUsage,
  claimWindows,
  insertEvents,
];

/** The statements that a lane prepares, by name. */
export function laneStatements(
  perOrganization: boolean,
): readonly { readonly name: string; readonly text: string }[] {
  return perOrganization ? decideFirst.map(ofOneOrganization) : [...writeFirst, ...decideFirst];
}

/** A statement of a batch in the form for one organization. */
export function ofOneOrganization({ name, perOrganizationText }: BatchStatement): {
  readonly name: string;
  readonly text: string;
} {
  return { name, text: perOrganizationText };
}

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
  /** One organization in each batch, for a distributed PostgreSQL. */
  readonly perOrganization: boolean;
  /** How long a statement waits for each of its locks, milliseconds. */
  readonly lockTimeoutMs: number;
}

/** Makes a connection ready for batches: how it plans and waits, and the statements of a batch by name. */
export async function prepareLane(
  client: ClientBase,
  { perOrganization, lockTimeoutMs }: LaneSession,
): Promise<void> {
  const settings = [...planning, `SET lock_timeout = ${lockTimeoutMs}`];
  if (!perOrganization) settings.push(planningOnce);
  await client.query(settings.join(';\n'));
  await prepareStatements(client, laneStatements(perOrganization));
}

/** Prepares statements one by one: with each use of one the server copies all of the text it was prepared in. */
export async function prepareStatements(
  client: ClientBase,
  statements: readonly { readonly name: string; readonly text: string }[],
): Promise<void> {
  for (const { name, text } of statements) await client.query(`PREPARE "${name}" AS ${text}`);
}
