import type { ClientBase, Pool } from 'pg';
import type { TargetFacts } from '../core/call.ts';
import { meterOf } from '../core/meter.ts';
import type { Meter } from '../core/meter.ts';
import { windows } from '../core/policy.ts';
import { targetMatches } from '../core/target.ts';
import type { WindowStarts } from './call-delta.ts';
import { counters, deltaWidth, windowOffsets } from './sql/apply-deltas.ts';
import { sumLedger } from './sql/sum-ledger.ts';

/** A meter as the record says it should be, in the columns of `apply-deltas`, starts included. */
export async function ledgerSums(
  client: ClientBase | Pool,
  orgId: string,
  meter: Meter,
  starts: WindowStarts,
): Promise<bigint[]> {
  const base = meterOf(meter.subject, [], meter.member).name;
  const user = meter.subject.kind === 'user' ? meter.subject.id : meter.member;
  const parameters = [orgId, base, ...boundsOf(starts.slice(0, windows.length - 1))];
  const { rows } = await client.query<string[]>({
    ...(user === undefined ? sumLedger.ofAny : sumLedger.ofUser),
    values: user === undefined ? parameters : [...parameters, user],
    rowMode: 'array',
  });
  const values = Array.from({ length: deltaWidth }, () => 0n);
  for (const [index, offset] of windowOffsets.entries()) {
    if (offset.start >= 0) values[offset.start] = BigInt(starts[index] ?? 0);
  }
  for (const [facts, inFlight, ...sums] of rows) {
    if (meter.targets.length > 0 && !isMatch(meter, facts ?? '')) continue;
    values[0] = (values[0] ?? 0n) + BigInt(inFlight ?? 0);
    addSums(values, sums);
  }
  return values;
}

const dayMs = 86_400_000;

/** The starts, the midnight (UTC) that each is followed by, and the spans between them, merged. */
function boundsOf(starts: readonly number[]): [number[], number[], number[], number[]] {
  const midnights = starts.map((start) => Math.ceil(start / dayMs) * dayMs);
  const firsts = new Map<number, number>();
  for (const [index, start] of starts.entries()) {
    const midnight = midnights[index] ?? start;
    if (start < midnight) firsts.set(midnight, Math.min(start, firsts.get(midnight) ?? start));
  }
  return [[...starts], midnights, [...firsts.values()], [...firsts.keys()]];
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
