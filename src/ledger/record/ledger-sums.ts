import type { ClientBase } from 'pg';
import type { Meter } from '../../core/meter.ts';
import { windows } from '../../core/policy.ts';
import type { WindowStarts } from '../meters/call-delta.ts';
import { deltaWidth, windowOffsets } from '../sql/apply-deltas.ts';
import { longestDayMs } from './quarters.ts';
import { readParts } from './record-parts.ts';
import type { MeterParts } from './record-parts.ts';
import { countsIn } from '../../core/usage-change.ts';

/**
 * Meters of one organization as the record says they should be, in their order, in the columns of
 * `apply-deltas`, starts included. One statement, however many meters. Used where derived meters are created, under their
 * organization's lock, and where they are only read.
 */
export async function ledgerSums(
  client: Pick<ClientBase, 'query'>,
  orgId: string,
  meters: readonly Meter[],
  starts: WindowStarts,
): Promise<bigint[][]> {
  if (meters.length === 0) return [];
  const cutsMs = cutsOf(starts);
  const partsOf = await readParts(client, orgId, meters, { cutsMs });
  return meters.map((meter) => rowOf(partsOf(meter), starts, cutsMs));
}

/**
 * All meters of an organization as the record says they should be in the windows that end, in the columns of
 * `apply-deltas`; what they say of LIFETIME is not all.
 */
export async function windowSums(
  client: ClientBase,
  orgId: string,
  starts: WindowStarts,
): Promise<(meter: Meter) => bigint[]> {
  const cutsMs = cutsOf(starts);
  const fromMs = (cutsMs[0] ?? 0) - longestDayMs;
  const partsOf = await readParts(client, orgId, 'all', { cutsMs, fromMs });
  return (meter) => rowOf(partsOf(meter), starts, cutsMs);
}

/** The starts of the windows that end, ascending, each once. */
function cutsOf(starts: WindowStarts): number[] {
  return [...new Set(starts.slice(0, windows.length - 1))].toSorted((a, b) => a - b);
}

function rowOf(
  { parts, only }: MeterParts,
  starts: WindowStarts,
  cutsMs: readonly number[],
): bigint[] {
  const values = emptyRow(starts);
  values[0] = parts.reduce((sum, { inFlight }) => sum + inFlight, 0n);
  for (const [index, offset] of windowOffsets.entries()) {
    const from = offset.start < 0 ? 0 : cutsMs.indexOf(starts[index] ?? 0) + 1;
    for (const { sums } of parts.slice(from)) {
      for (const [at, sum] of sums.entries()) {
        values[offset.counters + at] = (values[offset.counters + at] ?? 0n) + sum;
      }
    }
    const window = windows[index] ?? 'LIFETIME';
    for (const { part, only: counts, sums } of only) {
      if (part < from || !countsIn(counts, window, starts[index] ?? 0)) continue;
      for (const [at, sum] of sums.entries()) {
        values[offset.counters + at] = (values[offset.counters + at] ?? 0n) + sum;
      }
    }
  }
  return values;
}

/** A row that counts nothing, in the windows that are given. */
export function emptyRow(starts: WindowStarts): bigint[] {
  const values = Array.from({ length: deltaWidth }, () => 0n);
  for (const [index, offset] of windowOffsets.entries()) {
    if (offset.start >= 0) values[offset.start] = BigInt(starts[index] ?? 0);
  }
  return values;
}
