import type { ClientBase } from 'pg';
import { plainArray, textArray } from '../../db/wire/binary-arrays.ts';
import { callKey } from '../calls/call-key.ts';
import { applyDeltasParameters, rowsOf } from '../meters/batch-deltas.ts';
import type { MeterSum } from '../meters/batch-deltas.ts';
import type { BatchState, OrganizationState } from './batch-state.ts';
import type { Walk } from './walk.ts';
import type { EventWriter } from '../events/event-writer.ts';
import { localFaults } from '../../db/wire/local-fault.ts';
import { endHolds } from '../calls/ended-hold.ts';
import { fly, flyBoth } from '../../db/wire/flight.ts';
import type { FlightRows, FlightStatement } from '../../db/wire/flight.ts';
import { insertParameters, updateParameters } from '../calls/call-parameters.ts';
import { knownCall } from '../calls/known-call.ts';
import type { KnownCall } from '../calls/known-call.ts';
import type { Planned } from '../lane/planned.ts';
import { rowsByKey } from '../../db/wire/rows-by-key.ts';
import { applyDeltas } from '../sql/apply-deltas.ts';
import { callRow, epochRow, readCalls, readEpochs } from '../sql/read-state.ts';
import type { EpochRow } from '../sql/read-state.ts';
import { insertCalls, updateCalls } from '../sql/write-calls.ts';
import { usageParameters } from '../record/usage-parameters.ts';
import { insertUsage } from '../sql/write-usage.ts';

/** First flight: adds the sums, which locks their rows, and reads what may not change any more. */
export async function lockAndRead(
  { client, settings }: { readonly client: ClientBase; readonly settings: readonly string[] },
  sums: readonly MeterSum[],
  batch: readonly Planned[],
): Promise<BatchState> {
  const orgIds = batch.map(({ operation }) => operation.orgId);
  const requestIds = batch.map(({ operation }) => operation.requestId);
  const versions = batch.map(({ plan }) => plan.known?.version ?? 0);
  const begin = ['BEGIN', ...settings].map((text) => ({ text, values: [] }));
  const rows = await fly(client, [
    ...begin,
    { ...applyDeltas, values: applyDeltasParameters(rowsOf(sums)) },
    { ...readEpochs, values: [textArray([...new Set(orgIds)])] },
    { ...readCalls, values: [textArray(orgIds), textArray(requestIds), plainArray(versions)] },
  ]);
  const [meters = [], epochs = [], calls = []] = rows.slice(begin.length);
  const inOrder = localFaults(() =>
    rowsByKey(
      meters,
      sums.map(({ orgId, meter }) => [orgId, meter.name]),
    ),
  );
  return {
    ...organizationStates(epochs.map(epochRow)),
    calls: callsById(calls, batch),
    meters: inOrder.map(([, , filled, values]) => ({
      isFilled: filled === 't',
      row: (values ?? '{}').slice(1, -1).split(','),
    })),
  };
}

function organizationStates(
  rows: readonly EpochRow[],
): Pick<BatchState, 'organizations' | 'nowMs'> {
  const organizations = new Map<string, OrganizationState>();
  for (const { orgId, timeZone, weekStart, monthAnchorDay, ...state } of rows) {
    const calendar = { timeZone, weekStart, monthAnchorDay };
    organizations.set(orgId, { ...state, calendar });
  }
  const nowMs = rows[0]?.nowMs;
  if (nowMs === undefined) throw new Error('no organization of a batch has a row');
  return { organizations, nowMs };
}

/** The calls as they stand: those that have the version their operation knows, and those that were read again. */
function callsById(rows: FlightRows, batch: readonly Planned[]): Map<string, KnownCall> {
  const planned = new Map(
    batch.map(({ operation, plan }) => [callKey(operation.orgId, operation.requestId), plan.known]),
  );
  return new Map(
    rows.map((columns) => {
      const [orgId, requestId, version] = columns;
      const key = callKey(orgId ?? '', requestId ?? '');
      const known = planned.get(key);
      const isKnown = known !== undefined && known.version === Number(version);
      return [key, isKnown ? known : knownCall(callRow(columns))];
    }),
  );
}

/** How the second flight is written. */
interface WriteOptions {
  readonly events: EventWriter;
  /** False: a batch of Checks alone may be lost in a crash of the database. */
  readonly durableHolds: boolean;
  /** Called when the commit is sent. */
  readonly onSent: () => void;
}

/** Second flight: takes back, inserts, commits. */
export async function writeAndCommit(
  client: ClientBase,
  walk: Walk,
  { events, durableHolds, onSent }: WriteOptions,
): Promise<void> {
  const prepared = localFaults(() => events.prepare(walk.events));
  const statements = localFaults(() => writing(walk, durableHolds));
  if (prepared !== undefined) statements.push(...prepared.statements);
  // Of a transaction that failed a COMMIT makes a ROLLBACK, without an error, and the next batch finds the
  // connection free.
  const committed = flyBoth(client, statements, [{ text: 'COMMIT', values: [] }]);
  onSent();
  await committed;
  prepared?.committed();
}

/** What a batch writes once it is decided, but for its events. */
function writing(walk: Walk, durableHolds: boolean): FlightStatement[] {
  const statements: FlightStatement[] = [];
  if (walk.corrected) {
    const rows = rowsOf(walk.corrections.sorted());
    statements.push({ ...applyDeltas, values: applyDeltasParameters(rows), rowCount: rows.length });
  }
  const inserts = walk.verdicts.flatMap(({ insert }) => insert ?? []);
  if (inserts.length > 0) {
    const values = insertParameters(inserts);
    statements.push({ ...insertCalls, values, rowCount: inserts.length });
  }
  const updates = walk.verdicts.flatMap(({ update }) => update ?? []);
  if (updates.length > 0) {
    const values = updateParameters(updates);
    statements.push({ ...updateCalls, values, rowCount: updates.length });
  }
  const ended = walk.verdicts.flatMap(({ ends }) => ends ?? []);
  if (ended.length > 0) statements.push(...endHolds(ended, walk.recordedAt));
  const usage = walk.verdicts.flatMap((verdict) => verdict.usage ?? []);
  if (usage.length > 0) {
    const values = usageParameters(usage, walk.recordedAt);
    statements.push({ ...insertUsage, values, rowCount: usage.length });
  }
  if (!durableHolds && usage.length + updates.length + ended.length === 0) {
    statements.push({ text: 'SET LOCAL synchronous_commit TO off', values: [] });
  }
  return statements;
}

/** Undoes; a connection that is lost has undone it already. */
export async function rollback(client: ClientBase): Promise<void> {
  try {
    await client.query('ROLLBACK');
  } catch {
    // The transaction ends with its connection, and the cause that led here is the one to report.
  }
}
