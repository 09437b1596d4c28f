import type { ClientBase } from 'pg';
import type { TargetFacts } from '../../core/call.ts';
import { parseMeterName } from '../../core/meter.ts';
import type { Meter } from '../../core/meter.ts';
import { saturated } from '../../core/totals.ts';
import { countsIn, countsOn } from '../../core/usage-change.ts';
import type { CountsOnly } from '../../core/counts-only.ts';
import { windows } from '../../core/policy.ts';
import { applyDeltasParameters } from '../meters/batch-deltas.ts';
import type { MeterRow } from '../meters/batch-deltas.ts';
import { fly } from '../../db/wire/flight.ts';
import { applyDeltas, columns, counters, deltaWidth, windowOffsets } from '../sql/apply-deltas.ts';
import { lockOrganization } from '../sql/lock-organization.ts';
import { daysWithoutQuarters, metersAndRecord } from '../sql/meters-and-record.ts';
import { quarterMs } from './quarters.ts';

/** One counter of one meter that is not what the record says. */
export interface Difference {
  readonly meter: string;
  /** The column, e.g. `day_used_cost`. */
  readonly counter: string;
  readonly recorded: bigint;
  readonly found: bigint;
}

/**
 * Compares every meter of an organization with the record, in every window of which the record still has the
 * beginning; with `repair` also sets it right. What is rolled up is taken from its sums, which are not compared
 * with their rows here. Inside a transaction of the caller. Comparing stops no call: meters and record are read by
 * one statement, hence at one instant, and every batch changes both in one transaction. To repair, the organization
 * is locked.
 */
export async function verifyOrganization(
  client: ClientBase,
  orgId: string,
  repair: boolean,
): Promise<Difference[]> {
  if (repair) await client.query(lockOrganization, [orgId]);
  const meters = await readMeters(client, orgId);
  const differences: Difference[] = [];
  const corrections: MeterRow[] = [];
  for (const { meter, found, recorded: all, compared } of meters) {
    const recorded = columns.map(
      (_, index) => (compared[index] === false ? found : all)[index] ?? 0n,
    );
    const wrong = compare(meter, found, recorded);
    differences.push(...wrong);
    if (wrong.length > 0)
      corrections.push({ orgId, meter, complete: true, values: missing(found, recorded) });
  }
  if (repair && corrections.length > 0) {
    const values = applyDeltasParameters(corrections);
    const text = applyDeltas.perOrganizationText;
    await fly(client, [{ text, values, rowCount: corrections.length }]);
  }
  return differences;
}

interface Compared {
  readonly meter: Meter;
  readonly found: bigint[];
  readonly recorded: bigint[];
  /** For each column whether the record still has it. */
  readonly compared: readonly boolean[];
}

async function readMeters(client: ClientBase, orgId: string): Promise<Iterable<Compared>> {
  const { rows } = await client.query<(string | null)[]>({
    ...metersAndRecord,
    values: [orgId],
    rowMode: 'array',
  });
  const isRecorded = await windowsTold(client, orgId, Number(rows[0]?.[2] ?? -Infinity) * 1000);
  const meters = new Map<string, Compared>();
  const width = 1 + counters.length * windowOffsets.length;
  for (const [name, facts, , ...numbers] of rows) {
    const meter = parseMeterName(name ?? '');
    if (meter === undefined) throw new Error(`a meter has the name ${name}`);
    const values = numbers.map((number) => BigInt(number ?? 0));
    const found = values.slice(width);
    const known = meters.get(meter.name) ?? {
      meter,
      found,
      recorded: emptyLike(found),
      compared: comparedColumns(found, isRecorded),
    };
    meters.set(meter.name, known);
    if (typeof facts !== 'string') continue;
    const target = JSON.parse(facts) as TargetFacts;
    if (countsOn(meter.targets, target)) addRecorded(known, target.only, values);
  }
  return meters.values();
}

/**
 * Whether the record still has everything that was booked since the start of a window. It does not where that lies
 * within a quarter that is rolled up, or within a day whose quarters are no longer kept. Such a window is over, and
 * the next call of its meter empties it.
 */
async function windowsTold(
  client: ClientBase,
  orgId: string,
  markMs: number,
): Promise<(startMs: number) => boolean> {
  const { rows } = await client.query<[string, string]>({
    ...daysWithoutQuarters,
    values: [orgId],
    rowMode: 'array',
  });
  const days = rows.map(([startMs, endMs]) => [Number(startMs), Number(endMs)] as const);
  const recorded = new Map<number, boolean>();
  return (startMs) => {
    const known = recorded.get(startMs);
    if (known !== undefined) return known;
    const isCut = days.some(([from, to]) => from < startMs && startMs < to);
    const isRecorded = startMs > markMs || (startMs % quarterMs === 0 && !isCut);
    recorded.set(startMs, isRecorded);
    return isRecorded;
  };
}

/** For each column whether its window is compared. */
function comparedColumns(
  found: readonly bigint[],
  isRecorded: (startMs: number) => boolean,
): boolean[] {
  const compared = columns.map(() => true);
  for (const offset of windowOffsets) {
    if (offset.start >= 0 && !isRecorded(Number(found[offset.start] ?? 0)))
      compared.fill(false, offset.start, offset.counters + counters.length);
  }
  return compared;
}

/** A row of zeros with the starts of another. */
function emptyLike(found: readonly bigint[]): bigint[] {
  return columns.map((column, index) => (column.isStart ? (found[index] ?? 0n) : 0n));
}

function addRecorded(
  { found, recorded }: Compared,
  only: CountsOnly | undefined,
  sums: readonly bigint[],
): void {
  recorded[0] = (recorded[0] ?? 0n) + (sums[0] ?? 0n);
  for (const [index, offset] of windowOffsets.entries()) {
    const startMs = offset.start < 0 ? 0 : Number(found[offset.start] ?? 0);
    if (!countsIn(only, windows[index] ?? 'LIFETIME', startMs)) continue;
    for (let at = 0; at < counters.length; at += 1) {
      const sum = sums[1 + index * counters.length + at] ?? 0n;
      recorded[offset.counters + at] = (recorded[offset.counters + at] ?? 0n) + sum;
    }
  }
}

function compare(
  meter: Meter,
  found: readonly bigint[],
  recorded: readonly bigint[],
): Difference[] {
  const wrong: Difference[] = [];
  for (const [index, column] of columns.entries()) {
    const [is, shouldBe] = [found[index] ?? 0n, saturated(recorded[index] ?? 0n)];
    if (is !== shouldBe) {
      wrong.push({ meter: meter.name, counter: column.name, recorded: shouldBe, found: is });
    }
  }
  return wrong;
}

/** What must be added to a row, in its own windows. */
function missing(found: readonly bigint[], recorded: readonly bigint[]): bigint[] {
  const values = Array.from({ length: deltaWidth }, () => 0n);
  for (const [index, column] of columns.entries()) {
    values[index] = column.isStart
      ? (found[index] ?? 0n)
      : saturated(recorded[index] ?? 0n) - (found[index] ?? 0n);
  }
  return values;
}
