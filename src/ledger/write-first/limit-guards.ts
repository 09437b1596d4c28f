import { limitReadings, slots } from './limit-readings.ts';
import type { LimitReading, Reading } from './limit-readings.ts';
import type { OptimisticPlan } from '../operations/operation.ts';
import { change } from './expected-meters.ts';
import type { OptimisticMeter } from './expected-meters.ts';

/** One Check of a batch: its meters there, what it adds to each, and how it is judged. */
export interface OptimisticMember {
  readonly meters: readonly OptimisticMeter[];
  readonly delta: { readonly counters: readonly bigint[]; readonly inFlight: bigint };
  readonly optimistic: Pick<OptimisticPlan, 'limits' | 'asks'>;
}

/** What `hold-calls` reads and guards, in the form of its parameters. */
export interface LimitGuards {
  /** Where the cells of each member begin and end. */
  readonly first: readonly number[];
  readonly last: readonly number[];
  /** Meter and column of each sum that an answer shows. */
  readonly cells: readonly number[];
  /** By cell: the part of the row that was not there before the member. */
  readonly since: readonly number[];
  /** Meter and two columns of each guarded sum. */
  readonly guarded: readonly number[];
  /** By guarded sum: the most that the two columns together may be after the batch. */
  readonly most: readonly bigint[];
}

/** A guarded sum: the row may be at most `reading.most` plus `slack` after the batch. */
interface Guard {
  readonly meter: number;
  reading: LimitReading;
  slack: number;
}

/**
 * Says where the limits of a batch's members are read, and what the database must guard so that each of them is OK.
 *
 * All of the batch is in a row when it is read. Take one meter, four members in their order, and the third of them:
 *
 *     row after the batch   = before the batch + a1 + a2 + a3 + a4
 *     before the third      = row − since,              since = a3 + a4
 *     the third limit is OK ⇔ row − since + ask ≤ most  ⇔ row ≤ most + slack,   slack = since − ask
 *
 * So each limit becomes a bound on the row, and a meter needs only the smallest bound of the limits that are read from
 * the same columns.
 */
export function limitGuards(
  members: readonly OptimisticMember[],
  meters: readonly OptimisticMeter[],
): LimitGuards {
  /** By meter: what the present member and those after it add. */
  const remaining = meters.map(({ added }) => [...added]);
  const first: number[] = [];
  const last: number[] = [];
  const cells: number[] = [];
  const since: number[] = [];
  const guards = new Map<number, Guard>();
  for (const { meters: own, delta, optimistic } of members) {
    first.push(since.length);
    for (const [index, reading] of limitReadings(optimistic.limits).entries()) {
      const { number } = at(own, reading.meterIndex);
      const left = at(remaining, number - 1);
      const used = sumOf(left, reading.used);
      const held = sumOf(left, reading.held);
      cells.push(number, reading.used.column, number, reading.held.column);
      since.push(used, held);
      const ask = optimistic.asks[reading.metric];
      // An ask of 0 passes whatever was used, so only a threshold has to be guarded.
      const isGuarded = ask !== 0n || optimistic.limits[index]?.limit.thresholds.length !== 0;
      if (isGuarded) addGuard(guards, { meter: number, reading, slack: used + held - Number(ask) });
    }
    last.push(since.length);
    for (const { number } of own) {
      change(at(remaining, number - 1), delta.counters, delta.inFlight, -1);
    }
  }
  const all = [...guards.values()];
  return {
    first,
    last,
    cells,
    since,
    guarded: all.flatMap(({ meter, reading }) => [meter, reading.used.column, reading.held.column]),
    most: all.map(boundOf),
  };
}

function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new Error('a limit on a meter that is not charged');
  return item;
}

function sumOf(left: readonly number[], { counters }: Reading): number {
  let sum = 0;
  for (const counter of counters) sum += left[counter] ?? 0;
  return sum;
}

function boundOf({ reading, slack }: Guard): bigint {
  return reading.most + BigInt(slack);
}

/** Keeps the smaller bound of the two that guard the same columns of a meter. */
function addGuard(guards: Map<number, Guard>, guard: Guard): void {
  const key = guard.meter * slots + guard.reading.slot;
  const known = guards.get(key);
  if (known === undefined) {
    guards.set(key, guard);
  } else if (known.reading.most === guard.reading.most) {
    // The usual case, and hot: one declared limit, so no bigint is made.
    known.slack = Math.min(known.slack, guard.slack);
  } else if (boundOf(guard) < boundOf(known)) {
    known.reading = guard.reading;
    known.slack = guard.slack;
  }
}
