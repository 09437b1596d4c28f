import type { Pool } from 'pg';
import type { Meter } from '../core/meter.ts';
import { isDerived } from '../core/meter.ts';
import type { Calendar } from '../core/window.ts';
import { windowStarts } from './call-delta.ts';
import type { WindowStarts } from './call-delta.ts';
import { ledgerSums } from './ledger-sums.ts';
import { RunningTotals } from './running-totals.ts';
import { counters, deltaWidth, windowOffsets } from './sql/apply-deltas.ts';
import { readMeters } from './sql/read-meters.ts';

const asText = { getTypeParser: () => (value: string) => value };

/** Meters as they stand at one instant, and the epoch they were read at. Takes no lock and writes nothing. */
export async function readTotals(
  pool: Pool,
  orgId: string,
  calendar: Calendar,
  meters: readonly Meter[],
  nowMs: number,
): Promise<{ epoch: number; totals: RunningTotals[] }> {
  const names = meters.map((meter) => meter.name);
  const { rows } = await pool.query<(string | null)[]>({
    ...readMeters,
    values: [orgId, names],
    rowMode: 'array',
    types: asText,
  });
  const starts = windowStarts(calendar, nowMs);
  const found = new Map<string, RunningTotals>();
  for (const [, meterId, filled, ...values] of rows) {
    if (typeof meterId !== 'string' || filled !== 't') continue;
    found.set(
      meterId,
      new RunningTotals(
        rolled(
          values.map((value) => BigInt(value ?? 0)),
          starts,
        ),
      ),
    );
  }
  const totals: RunningTotals[] = [];
  for (const meter of meters) {
    const known = found.get(meter.name);
    totals.push(known ?? new RunningTotals(await absent(pool, orgId, meter, starts)));
  }
  return { epoch: Number(rows[0]?.[0] ?? 0), totals };
}

/** A derived meter that no limit keeps is summed from the record; any other that is absent never had a call. */
async function absent(
  pool: Pool,
  orgId: string,
  meter: Meter,
  starts: WindowStarts,
): Promise<bigint[]> {
  if (isDerived(meter)) return ledgerSums(pool, orgId, meter, starts);
  return rolled(
    Array.from({ length: deltaWidth }, () => 0n),
    starts,
  );
}

/** Empties the windows that have ended. */
function rolled(values: bigint[], starts: WindowStarts): bigint[] {
  for (const [index, offset] of windowOffsets.entries()) {
    const start = BigInt(starts[index] ?? 0);
    if (offset.start < 0 || (values[offset.start] ?? 0n) >= start) continue;
    values[offset.start] = start;
    values.fill(0n, offset.counters, offset.counters + counters.length);
  }
  return values;
}
