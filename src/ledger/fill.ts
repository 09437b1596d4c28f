import type { ClientBase } from 'pg';
import type { Calendar } from '../core/window.ts';
import { applyDeltasParameters } from './batch-deltas.ts';
import type { MeterRow, MeterSum } from './batch-deltas.ts';
import type { BatchState } from './batch-flights.ts';
import type { MeterRows } from './batch-totals.ts';
import { windowStarts } from './call-delta.ts';
import type { CallDelta } from './call-delta.ts';
import { fly } from './flight.ts';
import { ledgerSums } from './ledger-sums.ts';
import { applyDeltas } from './sql/apply-deltas.ts';

/**
 * Fills the derived meters that this batch has brought to life with what the record says happened before
 * it. Under the organization's lock nothing can be booked in between, so the sums are exact.
 */
export async function fillMeters(
  client: ClientBase,
  sums: readonly MeterSum[],
  rows: MeterRows,
  state: BatchState,
  nowMs: (orgId: string) => number,
): Promise<void> {
  const filled: MeterRow[] = [];
  for (const [index, sum] of sums.entries()) {
    if (state.meters[index]?.isFilled !== false) continue;
    const organization = state.organizations.get(sum.orgId);
    if (organization === undefined) continue;
    const starts = rowStarts(organization.calendar, nowMs(sum.orgId), sum);
    const values = await ledgerSums(client, sum.orgId, sum.meter, starts);
    rows.get(sum.orgId)?.get(sum.meter.name)?.join(values);
    filled.push({ orgId: sum.orgId, meter: sum.meter, complete: true, values });
  }
  if (filled.length === 0) return;
  await fly(client, [{ ...applyDeltas, values: applyDeltasParameters(filled) }]);
}

/** The windows of now, or those that the row was born with where it was born for an older hold. */
function rowStarts(calendar: Calendar, nowMs: number, sum: MeterSum): CallDelta['starts'] {
  const born = sum.added.parts.map(({ starts }) => starts);
  return windowStarts(calendar, nowMs).map((now, index) =>
    Math.max(now, ...born.map((starts) => starts[index] ?? 0)),
  );
}
