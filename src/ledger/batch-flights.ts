import type { ClientBase, QueryResult } from 'pg';
import type { Calendar } from '../core/window.ts';
import { int8Array, textArray } from './binary-arrays.ts';
import { applyDeltasParameters } from './batch-deltas.ts';
import type { MeterSum } from './batch-deltas.ts';
import type { BatchOptions, Walk } from './batch.ts';
import { callTexts, knownCall } from './known-call.ts';
import type { KnownCall } from './known-call.ts';
import type { Planned } from './lane.ts';
import { applyDeltas } from './sql/apply-deltas.ts';
import { readCalls, readEpochs } from './sql/read-state.ts';
import type { CallRow, EpochRow } from './sql/read-state.ts';
import { insertCalls, updateCalls } from './sql/write-calls.ts';
import { usageParameters } from './usage-parameters.ts';
import { insertUsage } from './sql/write-usage.ts';
import { arrayLiteral } from './array-literal.ts';

/** What a batch reads under its locks. */
export interface BatchState {
  readonly organizations: ReadonlyMap<string, OrganizationState>;
  /** By `org_id\nrequest_id`. */
  readonly calls: ReadonlyMap<string, KnownCall>;
  /** In the order of the sums. */
  readonly meters: readonly { readonly isFilled: boolean; readonly values: bigint[] }[];
  readonly nowMs: number;
}

/** What of an organization is read under the lock. */
export interface OrganizationState {
  readonly epoch: number;
  readonly calendar: Calendar;
  readonly onExpiry: 'RELEASE' | 'CHARGE';
}

/** Statements of one flight: sent together, awaited together; the first failure is thrown. */
async function flight(queries: readonly Promise<QueryResult>[]): Promise<QueryResult[]> {
  const settled = await Promise.allSettled(queries);
  const failed = settled.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
}

/** Raw texts: counters are read as bigint only where they are needed. */
const asText = { getTypeParser: () => (value: string) => value };

/** First flight: adds the sums, which locks their rows, and reads what may not change any more. */
export async function lockAndRead(
  client: ClientBase,
  sums: readonly MeterSum[],
  batch: readonly Planned[],
): Promise<BatchState> {
  const orgIds = batch.map(({ operation }) => operation.orgId);
  const requestIds = batch.map(({ operation }) => operation.requestId);
  const [, meters, epochs, calls] = await flight([
    client.query('BEGIN'),
    client.query({
      ...applyDeltas,
      values: applyDeltasParameters(sums),
      rowMode: 'array',
      types: asText,
    }),
    client.query({ ...readEpochs, values: [[...new Set(orgIds)]] }),
    client.query({ ...readCalls, values: [textArray(orgIds), textArray(requestIds)] }),
  ]);
  const rows = (meters?.rows ?? []) as unknown as string[][];
  if (rows.length !== sums.length) throw new Error('a meter was not written');
  return {
    ...organizationStates((epochs?.rows ?? []) as EpochRow[]),
    calls: callsById((calls?.rows ?? []) as CallRow[]),
    meters: rows.map(([filled, values = '{}']) => ({
      isFilled: filled === 't',
      values: values.slice(1, -1).split(',').map(BigInt),
    })),
  };
}

const weekDays = ['MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY', 'SUNDAY'];

function organizationStates(
  rows: readonly EpochRow[],
): Pick<BatchState, 'organizations' | 'nowMs'> {
  const organizations = new Map<string, OrganizationState>();
  for (const row of rows) {
    const weekStart =
      typeof row.week_start === 'number' ? row.week_start : weekDays.indexOf(row.week_start) + 1;
    organizations.set(row.org_id, {
      epoch: Number(row.epoch),
      calendar: { timeZone: row.time_zone, weekStart, monthAnchorDay: row.month_anchor_day },
      onExpiry: row.on_expiry,
    });
  }
  return { organizations, nowMs: Number(rows[0]?.now_ms ?? 0) };
}

function callsById(rows: readonly CallRow[]): Map<string, KnownCall> {
  return new Map(rows.map((row) => [`${row.org_id}\n${row.request_id}`, knownCall(row)]));
}

/** Second flight: takes back, inserts, commits. */
export async function writeAndCommit(
  client: ClientBase,
  walk: Walk,
  { events, durableHolds, onSent }: Pick<BatchOptions, 'events' | 'durableHolds' | 'onSent'>,
): Promise<void> {
  const queries: Promise<QueryResult>[] = [];
  if (walk.corrected) {
    const values = applyDeltasParameters(walk.corrections.sorted());
    queries.push(client.query({ ...applyDeltas, values, rowMode: 'array', types: asText }));
  }
  const inserts = walk.verdicts.flatMap(({ insert }) => insert ?? []);
  if (inserts.length > 0) {
    queries.push(client.query({ ...insertCalls, values: insertParameters(inserts) }));
  }
  const updates = walk.verdicts.flatMap(({ update }) => update ?? []);
  if (updates.length > 0) {
    queries.push(client.query({ ...updateCalls, values: updateParameters(updates) }));
  }
  const usage = walk.verdicts.flatMap((verdict) => verdict.usage ?? []);
  if (usage.length > 0) {
    queries.push(client.query({ ...insertUsage, values: usageParameters(usage, walk.nowMs) }));
  }
  const prepared = events.prepare(walk.events);
  if (prepared !== undefined) queries.push(client.query(prepared.statement));
  if (!durableHolds && usage.length === 0 && updates.length === 0) {
    queries.push(client.query('SET LOCAL synchronous_commit TO off'));
  }
  // COMMIT of a failed transaction answers ROLLBACK without an error: the failure before it is thrown.
  queries.push(client.query('COMMIT'));
  onSent();
  await flight(queries);
  prepared?.committed();
}

/** Undoes; a connection that is lost has undone it already. */
export async function rollback(client: ClientBase): Promise<void> {
  try {
    await client.query('ROLLBACK');
  } catch {
    // The transaction ends with its connection, and the cause that led here is the one to report.
  }
}

function insertParameters(calls: readonly KnownCall[]): unknown[] {
  const texts = calls.map(callTexts);
  return [
    ...nameParameters(calls),
    textArray(texts.map((text) => text.content)),
    textArray(texts.map((text) => text.answer)),
    textArray(texts.map((text) => text.detail)),
    textArray(calls.map((call) => arrayLiteral(call.subjects))),
    textArray(texts.map((text) => text.facts)),
    ...numberParameters(calls),
    textArray(texts.map((text) => text.closing)),
  ];
}

function updateParameters(calls: readonly KnownCall[]): unknown[] {
  const texts = calls.map(callTexts);
  return [
    ...nameParameters(calls),
    textArray(texts.map((text) => text.detail)),
    ...numberParameters(calls),
    textArray(texts.map((text) => text.extends)),
    textArray(texts.map((text) => text.closing)),
  ];
}

function nameParameters(calls: readonly KnownCall[]): Buffer[] {
  return [
    textArray(calls.map((call) => call.orgId)),
    textArray(calls.map((call) => call.requestId)),
    textArray(calls.map((call) => call.state)),
  ];
}

function numberParameters(calls: readonly KnownCall[]): Buffer[] {
  const columns = [
    calls.map((call) => call.held.cost),
    calls.map((call) => call.held.input),
    calls.map((call) => call.held.output),
    calls.map((call) => BigInt(call.bookedAtMs)),
    calls.map((call) => BigInt(call.expiresAtMs)),
  ];
  return columns.map((column) => int8Array(column.length, [column]));
}
