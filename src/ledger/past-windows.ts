import type { ClientBase } from 'pg';
import type { TargetFacts } from '../core/call.ts';
import { meterOf } from '../core/meter.ts';
import type { Meter } from '../core/meter.ts';
import { windows } from '../core/policy.ts';
import type { Window } from '../core/policy.ts';
import { targetMatches } from '../core/target.ts';
import type { MeterTotals, WindowTotals } from '../core/totals.ts';
import { windowAt } from '../core/window.ts';
import type { MeterRows } from './batch.ts';
import type { Planned } from './lane.ts';
import type { DecisionContext } from './operation.ts';
import { sumWindow } from './sql/sum-window.ts';

/** Totals in the place of a meter's own, for windows that the meter has left behind. */
export type PastTotals = (meterIndex: number, totals: MeterTotals) => MeterTotals;

/**
 * Reads, for operations that are judged in the windows of their hold (Extends), the windows among them that
 * are over: the meter's row has rolled on, the record still knows. `later` for one that another operation
 * of its organization precedes in this batch, since the record does not know that one yet.
 */
export async function readPastWindows(
  client: ClientBase,
  batch: readonly Planned[],
  rows: MeterRows,
): Promise<ReadonlyMap<Planned, PastTotals | 'later'>> {
  const found = new Map<Planned, PastTotals | 'later'>();
  const preceded = new Set<string>();
  for (const planned of batch) {
    const { orgId } = planned.operation;
    const past = pastWindowsOf(planned, rows);
    if (past.length > 0) {
      found.set(planned, preceded.has(orgId) ? 'later' : await readPast(client, planned, past));
    }
    if (planned.plan.bookedAtMs !== undefined) preceded.add(orgId);
  }
  return found;
}

/** The context of an operation with the windows that are over in their place. */
export function withPast(context: DecisionContext, past: PastTotals | undefined): DecisionContext {
  if (past === undefined) return context;
  return { ...context, totals: (index) => past(index, context.totals(index)) };
}

interface PastWindow {
  readonly meterIndex: number;
  readonly meter: Meter;
  readonly window: Window;
  readonly atMs: number;
}

function pastWindowsOf({ operation, plan }: Planned, rows: MeterRows): PastWindow[] {
  const { bookedAtMs: atMs, judged = [], meters, calendar } = plan;
  if (atMs === undefined) return [];
  return judged.flatMap(({ meterIndex, window }) => {
    const meter = meters[meterIndex];
    const row = meter && rows.get(operation.orgId)?.get(meter.name);
    const startMs = row?.startMs(windows.indexOf(window));
    const isPast = startMs !== undefined && startMs > windowAt(calendar, window, atMs).startMs;
    return meter !== undefined && isPast ? [{ meterIndex, meter, window, atMs }] : [];
  });
}

async function readPast(
  client: ClientBase,
  { operation, plan }: Planned,
  past: readonly PastWindow[],
): Promise<PastTotals> {
  const read = new Map<string, WindowTotals>();
  for (const { meterIndex, meter, window, atMs } of past) {
    const { startMs, endMs } = windowAt(plan.calendar, window, atMs);
    const base = meterOf(meter.subject, [], meter.member).name;
    const { rows } = await client.query<string[]>({
      ...sumWindow,
      values: [operation.orgId, base, startMs, endMs],
      rowMode: 'array',
    });
    read.set(`${meterIndex} ${window}`, sumOf(meter, rows));
  }
  return (meterIndex, totals) => ({
    inFlight: totals.inFlight,
    window: (window) => read.get(`${meterIndex} ${window}`) ?? totals.window(window),
  });
}

function sumOf(meter: Meter, rows: readonly (readonly string[])[]): WindowTotals {
  const own = rows.filter(([facts = '']) => {
    return (
      meter.targets.length === 0 || targetMatches(meter.targets, JSON.parse(facts) as TargetFacts)
    );
  });
  const sum = (column: number): bigint =>
    own.reduce((total, row) => total + BigInt(row[column] ?? 0), 0n);
  return {
    usedCost: sum(1),
    usedInput: sum(2),
    usedOutput: sum(3),
    usedRequests: sum(4),
    heldCost: sum(5),
    heldInput: sum(6),
    heldOutput: sum(7),
  };
}
