import type { ClientBase } from 'pg';
import { isDerived, meterOf } from '../../core/meter.ts';
import type { Meter } from '../../core/meter.ts';
import { saturated } from '../../core/totals.ts';
import type { MeterTotals } from '../../core/totals.ts';
import type { Calendar } from '../../core/window.ts';
import { applyDeltasParameters } from '../meters/batch-deltas.ts';
import type { MeterRow, MeterSum } from '../meters/batch-deltas.ts';
import type { BatchState } from './batch-state.ts';
import type { MeterRows } from '../meters/batch-totals.ts';
import { windowStarts } from '../meters/call-delta.ts';
import type { WindowStarts } from '../meters/call-delta.ts';
import { fly } from '../../db/wire/flight.ts';
import { emptyRow, ledgerSums } from '../record/ledger-sums.ts';
import { applyDeltas } from '../sql/apply-deltas.ts';

/**
 * Fills the derived meters that this batch has created, with the usage and holds that the record has from before
 * it. Under the organization's lock nothing can be booked in between, so the sums are exact. The record is read
 * once for all new meters of an organization, and not at all for those of a subject without calls.
 */
export async function fillMeters(
  client: ClientBase,
  sums: readonly MeterSum[],
  rows: MeterRows,
  state: BatchState,
  nowMs: (orgId: string) => number,
): Promise<void> {
  const filled: MeterRow[] = [];
  for (const { orgId, starts, meters } of newMeters(sums, state, nowMs)) {
    const ofOrg = rows.get(orgId);
    const [unused, used] = partition(meters, (meter) => isOfUnused(meter, ofOrg));
    const values = await ledgerSums(client, orgId, used, starts);
    for (const [index, meter] of [...used, ...unused].entries()) {
      const row = (values[index] ?? emptyRow(starts)).map(saturated);
      ofOrg?.get(meter.name)?.join(row);
      filled.push({ orgId, meter, complete: true, values: row });
    }
  }
  if (filled.length === 0) return;
  await fly(client, [
    { ...applyDeltas, values: applyDeltasParameters(filled), rowCount: filled.length },
  ]);
}

/** New meters of one organization that begin in the same windows. */
interface NewMeters {
  readonly orgId: string;
  readonly starts: WindowStarts;
  readonly meters: Meter[];
}

function newMeters(
  sums: readonly MeterSum[],
  state: BatchState,
  nowMs: (orgId: string) => number,
): Iterable<NewMeters> {
  const groups = new Map<string, NewMeters>();
  for (const [index, sum] of sums.entries()) {
    const { orgId, meter } = sum;
    const organization = state.organizations.get(orgId);
    if (state.meters[index]?.isFilled !== false || organization === undefined) continue;
    const starts = rowStarts(organization.calendar, nowMs(orgId), sum);
    const key = `${orgId} ${starts.join(' ')}`;
    const group = groups.get(key) ?? { orgId, starts, meters: [] };
    groups.set(key, group);
    group.meters.push(meter);
  }
  return groups.values();
}

/**
 * Whether a meter narrows one that counts all calls of its subject (or of its member), and that one counted
 * nothing before this batch.
 */
function isOfUnused(meter: Meter, ofOrg: ReadonlyMap<string, MeterTotals> | undefined): boolean {
  const wholes = [meterOf(meter.subject)];
  if (meter.member !== undefined) wholes.push(meterOf({ kind: 'user', id: meter.member }));
  return wholes.some((whole) => {
    const totals = isDerived(whole) ? undefined : ofOrg?.get(whole.name);
    return totals !== undefined && isUnused(totals);
  });
}

function isUnused(totals: MeterTotals): boolean {
  const all = totals.window('LIFETIME');
  const { usedCost, usedInput, usedOutput, usedRequests, heldCost, heldInput, heldOutput } = all;
  const counted = [usedCost, usedInput, usedOutput, usedRequests, heldCost, heldInput, heldOutput];
  return totals.inFlight === 0n && counted.every((counter) => counter === 0n);
}

function partition<T>(all: readonly T[], isFirst: (one: T) => boolean): readonly [T[], T[]] {
  const { first = [], second = [] } = Object.groupBy(all, (one) =>
    isFirst(one) ? 'first' : 'second',
  );
  return [first, second];
}

/** The current windows, or those that the row was created with if it was created for an older hold. */
function rowStarts(calendar: Calendar, nowMs: number, sum: MeterSum): WindowStarts {
  const created = sum.added.parts.map(({ starts }) => starts);
  return windowStarts(calendar, nowMs).map((now, index) =>
    Math.max(now, ...created.map((starts) => starts[index] ?? 0)),
  );
}
