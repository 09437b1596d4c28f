import type { ClientBase, Pool } from 'pg';
import type { TargetFacts } from '../core/call.ts';
import { meterOf } from '../core/meter.ts';
import type { Meter } from '../core/meter.ts';
import { windows } from '../core/policy.ts';
import { targetMatches } from '../core/target.ts';
import type { WindowStarts } from './call-delta.ts';
import { dayOf } from './recorded-day.ts';
import { counters, deltaWidth, windowOffsets } from './sql/apply-deltas.ts';
import { sumLedger } from './sql/sum-ledger.ts';

/** A meter as the record says it should be, in the columns of `apply-deltas`, starts included. */
export async function ledgerSums(
  client: ClientBase | Pool,
  orgId: string,
  meter: Meter,
  starts: WindowStarts,
): Promise<bigint[]> {
  const { midnights, spans } = boundsOf(starts);
  const user = meter.subject.kind === 'user' ? meter.subject.id : meter.member;
  const parameters = [orgId, baseOf(meter), ending(starts), midnights, ...spans];
  const { rows } = await client.query<EntryRow>({
    ...(user === undefined ? sumLedger.ofAny : sumLedger.ofUser),
    values: user === undefined ? parameters : [...parameters, user],
    rowMode: 'array',
  });
  return sumOf(meter, starts, rows);
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
  const { midnights, spans } = boundsOf(starts);
  const { rows } = await client.query<EntryRow>({
    ...sumLedger.ofAll,
    values: [orgId, dayOf(Math.min(...midnights)), ending(starts), midnights, ...spans],
    rowMode: 'array',
  });
  const byBase = Map.groupBy(rows, ([base]) => base);
  return (meter) => sumOf(meter, starts, byBase.get(baseOf(meter)) ?? []);
}

/** A row of `sum-ledger`. */
type EntryRow = [base: string, facts: string, inFlight: string, ...sums: string[]];

/** The name of the meter that a meter narrows. */
function baseOf(meter: Meter): string {
  return meterOf(meter.subject, [], meter.member).name;
}

const dayMs = 86_400_000;

/** The starts of the windows that end. */
function ending(starts: WindowStarts): readonly number[] {
  return starts.slice(0, windows.length - 1);
}

/** The midnight (UTC) that each start is followed by, and the spans between them, merged: begins and ends. */
function boundsOf(starts: WindowStarts): {
  readonly midnights: readonly number[];
  readonly spans: readonly [readonly number[], readonly number[]];
} {
  const midnights: number[] = [];
  const begins = new Map<number, number>();
  for (const start of ending(starts)) {
    const midnight = Math.ceil(start / dayMs) * dayMs;
    midnights.push(midnight);
    if (start < midnight) begins.set(midnight, Math.min(start, begins.get(midnight) ?? start));
  }
  return { midnights, spans: [[...begins.values()], [...begins.keys()]] };
}

function sumOf(meter: Meter, starts: WindowStarts, rows: readonly EntryRow[]): bigint[] {
  const values = Array.from({ length: deltaWidth }, () => 0n);
  for (const [index, offset] of windowOffsets.entries()) {
    if (offset.start >= 0) values[offset.start] = BigInt(starts[index] ?? 0);
  }
  for (const [, facts, inFlight, ...sums] of rows) {
    if (meter.targets.length > 0 && !isMatch(meter, facts)) continue;
    values[0] = (values[0] ?? 0n) + BigInt(inFlight);
    addSums(values, sums);
  }
  return values;
}

function isMatch(meter: Meter, facts: string): boolean {
  return targetMatches(meter.targets, JSON.parse(facts) as TargetFacts);
}

function addSums(values: bigint[], sums: readonly string[]): void {
  for (const [index, offset] of windowOffsets.entries()) {
    for (let at = 0; at < counters.length; at += 1) {
      const sum = BigInt(sums[index * counters.length + at] ?? 0);
      values[offset.counters + at] = (values[offset.counters + at] ?? 0n) + sum;
    }
  }
}
