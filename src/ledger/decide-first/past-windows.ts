import type { ClientBase } from 'pg';
import type { Meter } from '../../core/meter.ts';
import { windows } from '../../core/policy.ts';
import type { Window } from '../../core/policy.ts';
import type { MeterTotals, WindowTotals } from '../../core/totals.ts';
import { countsIn } from '../../core/usage-change.ts';
import { windowAt } from '../../core/window.ts';
import type { MeterRows } from '../meters/batch-totals.ts';
import { longestDayMs } from '../record/quarters.ts';
import { readParts } from '../record/record-parts.ts';
import type { PartSums } from '../record/record-parts.ts';
import type { Planned } from '../lane/planned.ts';
import type { DecisionContext } from '../operations/operation.ts';
import { counters } from '../sql/apply-deltas.ts';

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
  const bounded = past.map((one) => ({
    ...one,
    bounds: windowAt(plan.calendar, one.window, one.atMs),
  }));
  const cuts = bounded.flatMap(({ bounds }) => [bounds.startMs, bounds.endMs]);
  const cutsMs = [...new Set(cuts)].toSorted((a, b) => a - b);
  const meters = past.map(({ meter }) => meter);
  const fromMs = (cutsMs[0] ?? 0) - longestDayMs;
  const partsOf = await readParts(client, operation.orgId, meters, { cutsMs, fromMs });
  const read = new Map<string, WindowTotals>();
  for (const { meterIndex, meter, window, bounds } of bounded) {
    const [from, to] = [bounds.startMs, bounds.endMs].map((at) => cutsMs.indexOf(at) + 1);
    const { parts, only } = partsOf(meter);
    const counted = only.filter(
      ({ part, only: counts }) =>
        part >= (from ?? 0) && part < (to ?? 0) && countsIn(counts, window, bounds.startMs),
    );
    read.set(`${meterIndex} ${window}`, totalsOf([...parts.slice(from, to), ...counted]));
  }
  return (meterIndex, totals) => ({
    inFlight: totals.inFlight,
    window: (window) => read.get(`${meterIndex} ${window}`) ?? totals.window(window),
  });
}

/** The sums of some parts as totals of a window. */
function totalsOf(parts: readonly Pick<PartSums, 'sums'>[]): WindowTotals {
  const counter = (at: number): bigint =>
    parts.reduce((sum, one) => sum + (one.sums[at] ?? 0n), 0n);
  const [usedCost = 0n, usedInput = 0n, usedOutput = 0n, usedRequests = 0n, ...held] = counters.map(
    (_, at) => counter(at),
  );
  const [heldCost = 0n, heldInput = 0n, heldOutput = 0n] = held;
  return { usedCost, usedInput, usedOutput, usedRequests, heldCost, heldInput, heldOutput };
}
