import type { Pool } from 'pg';
import type { Meter } from '../../core/meter.ts';
import { isDerived } from '../../core/meter.ts';
import type { Calendar } from '../../core/window.ts';
import { saturated } from '../../core/totals.ts';
import { windowStarts } from './call-delta.ts';
import type { WindowStarts } from './call-delta.ts';
import { emptyRow, ledgerSums } from '../record/ledger-sums.ts';
import { RunningTotals } from './running-totals.ts';
import { counters, windowOffsets } from '../sql/apply-deltas.ts';
import { readMeters } from '../sql/read-meters.ts';

const asText = { getTypeParser: () => (value: string) => value };

/** Whose meters are read, and when. */
interface MetersAt {
  readonly orgId: string;
  readonly calendar: Calendar;
  readonly nowMs: number;
}

/**
 * Meters as they stand at one instant, and the epoch they were read at, in at most three statements. Takes no
 * lock and writes nothing. Outside a transaction of one instant, derived meters that no limit keeps yet are
 * summed a moment later. Stops between the statements when `over` is aborted.
 */
export async function readTotals(
  client: Pick<Pool, 'query'>,
  { orgId, calendar, nowMs }: MetersAt,
  meters: readonly Meter[],
  over?: AbortSignal,
): Promise<{ epoch: number; totals: RunningTotals[] }> {
  const names = meters.map((meter) => meter.name);
  const { rows } = await client.query<(string | null)[]>({
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
  // A derived meter that no limit keeps is summed from the record; any other that is absent never had a call.
  const absent = meters.filter((meter) => isDerived(meter) && !found.has(meter.name));
  over?.throwIfAborted();
  const sums = await ledgerSums(client, orgId, absent, starts);
  for (const [index, { name }] of absent.entries()) {
    found.set(name, new RunningTotals((sums[index] ?? []).map(saturated)));
  }
  const totals = meters.map(({ name }) => found.get(name) ?? new RunningTotals(emptyRow(starts)));
  return { epoch: Number(rows[0]?.[0] ?? 0), totals };
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
