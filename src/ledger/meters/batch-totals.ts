import type { Meter } from '../../core/meter.ts';
import type { MeterSum } from './batch-deltas.ts';
import { windowStarts } from './call-delta.ts';
import type { CallDelta } from './call-delta.ts';
import type { Plan } from '../operations/operation.ts';
import { RunningTotals } from './running-totals.ts';

/** What a plan adds when it is booked now, unless it says when. */
export function deltaOf(plan: Plan, nowMs: number): CallDelta {
  return {
    meters: plan.meters,
    starts: windowStarts(plan.calendar, plan.bookedAtMs ?? nowMs),
    inFlight: plan.inFlight,
    counters: plan.counters,
  };
}

/** The totals before the batch, by organization and meter name. */
export type MeterRows = ReadonlyMap<string, ReadonlyMap<string, RunningTotals>>;

/** The totals before a batch, from the rows after it: `columns` as text, in the order of the sums. */
export function totalsByMeter(
  sums: readonly MeterSum[],
  after: readonly (readonly string[])[],
): MeterRows {
  const rows = new Map<string, Map<string, RunningTotals>>();
  for (const [index, sum] of sums.entries()) {
    let ofOrg = rows.get(sum.orgId);
    if (ofOrg === undefined) rows.set(sum.orgId, (ofOrg = new Map<string, RunningTotals>()));
    ofOrg.set(sum.meter.name, new RunningTotals(after[index] ?? [], sum.added));
  }
  return rows;
}

/** The totals of a plan's meters, in their order. */
export function totalsOf(
  meters: readonly Meter[],
  ofOrg: ReadonlyMap<string, RunningTotals> | undefined,
): RunningTotals[] {
  return meters.map((meter) => {
    const totals = ofOrg?.get(meter.name);
    if (totals === undefined) throw new Error(`no row came back for meter ${meter.name}`);
    return totals;
  });
}
