import type { MeterSum } from './batch-deltas.ts';
import type { CallDelta } from './call-delta.ts';
import { inFlightCounter, limitReadings, slots } from './limit-readings.ts';
import type { LimitReading, Reading } from './limit-readings.ts';
import type { OptimisticPlan } from './operation.ts';

/** One Check of a batch: what it adds, and how it is judged. */
export interface OptimisticMember {
  readonly orgId: string;
  readonly delta: CallDelta;
  readonly optimistic: Pick<OptimisticPlan, 'limits' | 'asks'>;
}

/** Where the database finds how limits stand, in the form of `hold-calls`. */
export interface OptimisticSums {
  /** Where the cells of each member begin and end. */
  readonly first: readonly number[];
  readonly last: readonly number[];
  readonly cells: readonly number[];
  /** By cell. */
  readonly added: readonly bigint[];
  readonly rooms: readonly number[];
  /** By room. */
  readonly most: readonly bigint[];
}

/** A meter of the batch, and what a member and all behind it add to its counters, those of `limit-readings`. */
interface NumberedMeter {
  /** From 1, in the order of the sums. */
  readonly number: number;
  readonly behind: bigint[];
}

/** The most that one limit's sum on one meter may be after the batch. */
interface Room {
  readonly place: readonly [number, number, number];
  most: bigint;
}

/**
 * Says where the limits of a batch's members are read. The rows hold all of the batch: what stood before a
 * member is that less what the member and those behind it add.
 */
export function optimisticSums(
  members: readonly OptimisticMember[],
  sums: readonly MeterSum[],
): OptimisticSums {
  const meters = numbered(sums);
  const first: number[] = [];
  const last: number[] = [];
  const cells: number[] = [];
  const added: bigint[] = [];
  const rooms = new Map<number, Room>();
  for (const { orgId, delta, optimistic } of members) {
    const own = delta.meters.map(({ name }) => meterOf(meters, orgId, name));
    first.push(added.length);
    for (const reading of limitReadings(optimistic.limits)) {
      const { number, behind } = meterAt(own, reading.meterIndex);
      const used = sumOf(behind, reading.used);
      const held = sumOf(behind, reading.held);
      cells.push(number, reading.used.column, number, reading.held.column);
      added.push(used, held);
      narrow(rooms, number, reading, reading.most - optimistic.asks[reading.metric] + used + held);
    }
    last.push(added.length);
    for (const { behind } of own) leave(behind, delta);
  }
  const all = [...rooms.values()];
  return {
    first,
    last,
    cells,
    added,
    rooms: all.flatMap(({ place }) => place),
    most: all.map(({ most }) => most),
  };
}

function numbered(sums: readonly MeterSum[]): Map<string, Map<string, NumberedMeter>> {
  const meters = new Map<string, Map<string, NumberedMeter>>();
  for (const [index, { orgId, meter, added }] of sums.entries()) {
    const behind = [...(added.parts[0]?.counters ?? []), added.inFlight];
    let ofOrg = meters.get(orgId);
    if (ofOrg === undefined) meters.set(orgId, (ofOrg = new Map<string, NumberedMeter>()));
    ofOrg.set(meter.name, { number: index + 1, behind });
  }
  return meters;
}

function meterOf(
  meters: Map<string, Map<string, NumberedMeter>>,
  orgId: string,
  name: string,
): NumberedMeter {
  const meter = meters.get(orgId)?.get(name);
  if (meter === undefined) throw new Error(`meter ${name} is not in the batch`);
  return meter;
}

function meterAt(own: readonly NumberedMeter[], index: number): NumberedMeter {
  const meter = own[index];
  if (meter === undefined) throw new Error('a limit on a meter that is not charged');
  return meter;
}

function sumOf(behind: readonly bigint[], { counters }: Reading): bigint {
  let sum = 0n;
  for (const counter of counters) sum += behind[counter] ?? 0n;
  return sum;
}

function leave(behind: bigint[], { counters, inFlight }: CallDelta): void {
  for (const [at, counter] of counters.entries()) {
    if (counter !== 0n) behind[at] = (behind[at] ?? 0n) - counter;
  }
  behind[inFlightCounter] = (behind[inFlightCounter] ?? 0n) - inFlight;
}

/** Limits that are read alike on one meter are one room, the smallest. */
function narrow(
  rooms: Map<number, Room>,
  meter: number,
  { slot, used, held }: LimitReading,
  most: bigint,
): void {
  const key = meter * slots + slot;
  const room = rooms.get(key);
  if (room === undefined) rooms.set(key, { place: [meter, used.column, held.column], most });
  else if (most < room.most) room.most = most;
}
