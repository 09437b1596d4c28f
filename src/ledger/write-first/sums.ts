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

/** Where the database finds how limits stand, in the form of `hold-calls`. */
export interface OptimisticSums {
  /** Where the cells of each member begin and end. */
  readonly first: readonly number[];
  readonly last: readonly number[];
  readonly cells: readonly number[];
  /** By cell. */
  readonly added: readonly number[];
  readonly rooms: readonly number[];
  /** By room. */
  readonly most: readonly bigint[];
}

/** How large one limit's sum on one meter may be after the batch: `most` and `slack` together. */
interface Room {
  readonly meter: number;
  reading: LimitReading;
  slack: number;
}

/**
 * Says where the limits of a batch's members are read. The rows hold all of the batch: what stood before a
 * member is that less what the member and those behind it add.
 */
export function optimisticSums(
  members: readonly OptimisticMember[],
  meters: readonly OptimisticMeter[],
): OptimisticSums {
  const behind = meters.map(({ added }) => [...added]);
  const first: number[] = [];
  const last: number[] = [];
  const cells: number[] = [];
  const added: number[] = [];
  const rooms = new Map<number, Room>();
  for (const { meters: own, delta, optimistic } of members) {
    first.push(added.length);
    for (const [index, reading] of limitReadings(optimistic.limits).entries()) {
      const { number } = at(own, reading.meterIndex);
      const left = at(behind, number - 1);
      const used = sumOf(left, reading.used);
      const held = sumOf(left, reading.held);
      cells.push(number, reading.used.column, number, reading.held.column);
      added.push(used, held);
      const ask = optimistic.asks[reading.metric];
      // Who asks nothing passes, whatever was spent; only a threshold would have to be told.
      const needsRoom = ask !== 0n || optimistic.limits[index]?.limit.thresholds.length !== 0;
      if (needsRoom) narrow(rooms, number, reading, used + held - Number(ask));
    }
    last.push(added.length);
    for (const { number } of own)
      change(at(behind, number - 1), delta.counters, delta.inFlight, -1);
  }
  const all = [...rooms.values()];
  return {
    first,
    last,
    cells,
    added,
    rooms: all.flatMap(({ meter, reading }) => [meter, reading.used.column, reading.held.column]),
    most: all.map(({ reading, slack }) => reading.most + BigInt(slack)),
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

/** Limits that are read alike on one meter are one room, the smallest. */
function narrow(
  rooms: Map<number, Room>,
  meter: number,
  reading: LimitReading,
  slack: number,
): void {
  const key = meter * slots + reading.slot;
  const room = rooms.get(key);
  if (room === undefined) {
    rooms.set(key, { meter, reading, slack });
  } else if (room.reading.most === reading.most) {
    room.slack = Math.min(room.slack, slack);
  } else if (reading.most + BigInt(slack) < room.reading.most + BigInt(room.slack)) {
    room.reading = reading;
    room.slack = slack;
  }
}
