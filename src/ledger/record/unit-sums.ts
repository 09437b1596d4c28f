import type { ClientBase } from 'pg';
import type { TargetFacts } from '../../core/call.ts';
import { meterOf } from '../../core/meter.ts';
import type { Meter } from '../../core/meter.ts';
import { targetMatches } from '../../core/target.ts';
import { unitsOf } from '../../core/units.ts';
import type { Units } from '../../core/units.ts';
import { sumUnits } from '../sql/sum-units.ts';

/** Units that are answered at most: a gateway may report a new name with each call. */
const mostUnits = 1_000;
/** Sums that are read, of each target apart. */
const mostRows = 10_000;

/**
 * The units that a meter counts in a window that has begun at `startMs` (LIFETIME: -Infinity), from the record. No
 * limit counts them, so no meter keeps them.
 */
export async function unitSums(
  client: Pick<ClientBase, 'query'>,
  orgId: string,
  meter: Meter,
  startMs: number,
): Promise<Units> {
  const { subject, member, targets } = meter;
  const isEndless = startMs === -Infinity;
  const { rows } = await client.query<[facts: string, unit: string, count: string]>({
    ...sumUnits,
    values: [
      orgId,
      meterOf(subject, [], member).name,
      isEndless ? '-infinity' : new Date(startMs).toISOString(),
      isEndless ? (-(2n ** 63n)).toString() : startMs,
      mostRows,
    ],
    rowMode: 'array',
  });
  const sums = new Map<string, bigint>();
  for (const [facts, name, count] of rows) {
    if (targets.length > 0 && !targetMatches(targets, JSON.parse(facts) as TargetFacts)) continue;
    sums.set(name, (sums.get(name) ?? 0n) + BigInt(count));
  }
  const most = [...sums].toSorted(([, a], [, b]) => (a < b ? 1 : -1)).slice(0, mostUnits);
  return unitsOf(most.map(([name, count]) => ({ name, count })));
}
