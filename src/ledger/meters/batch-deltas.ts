import { byCodeUnit, isDerived } from '../../core/meter.ts';
import type { Meter } from '../../core/meter.ts';
import { meterFamilyTag } from '../../core/meters.ts';
import { int8Array, plainArray, textArray } from '../../db/wire/binary-arrays.ts';
import type { CallDelta } from './call-delta.ts';
import { DeltaSums } from './delta-sums.ts';
import type { Parameter } from '../../db/wire/flight.ts';
import { deltaWidth } from '../sql/apply-deltas.ts';

/** One meter's row to be written, in the columns of `apply-deltas`. */
export interface MeterRow {
  readonly orgId: string;
  readonly meter: Meter;
  /** Born complete, unlike a derived meter, which is filled from the ledger first. */
  readonly complete: boolean;
  readonly values: readonly bigint[];
}

/** What a batch adds to one meter. */
export interface MeterSum extends Omit<MeterRow, 'values'> {
  readonly added: DeltaSums;
}

/** Adds up deltas per meter, so that each row is written once. */
export class BatchDeltas {
  readonly #sums = new Map<string, Map<string, MeterSum>>();

  /** Adds an operation's delta to its meters (`sign` -1n takes it back). */
  add(orgId: string, delta: CallDelta, sign: 1n | -1n = 1n): void {
    for (const meter of delta.meters) {
      this.#sum(orgId, meter).added.add(delta, delta.inFlight, sign);
    }
  }

  /** All meters in lock order: by organization, the organization's own first, then by name. */
  sorted(): MeterSum[] {
    return inLockOrder(this.#sums);
  }

  #sum(orgId: string, meter: Meter): MeterSum {
    let ofOrg = this.#sums.get(orgId);
    if (ofOrg === undefined) this.#sums.set(orgId, (ofOrg = new Map<string, MeterSum>()));
    let sum = ofOrg.get(meter.name);
    if (sum === undefined) {
      sum = { orgId, meter, complete: !isDerived(meter), added: new DeltaSums() };
      ofOrg.set(meter.name, sum);
    }
    return sum;
  }
}

/** All of what is kept by organization and meter, in the order in which rows are locked. */
export function inLockOrder<Kept extends Pick<MeterSum, 'meter'>>(
  kept: ReadonlyMap<string, ReadonlyMap<string, Kept>>,
): Kept[] {
  const all: Kept[] = [];
  for (const orgId of [...kept.keys()].toSorted(byCodeUnit)) {
    all.push(...[...(kept.get(orgId)?.values() ?? [])].toSorted(byLock));
  }
  return all;
}

function byLock(a: Pick<MeterSum, 'meter'>, b: Pick<MeterSum, 'meter'>): number {
  const first = Number(b.meter.subject.kind === 'org') - Number(a.meter.subject.kind === 'org');
  // The organization's own meter has no targets; its derived ones follow it by name.
  return first === 0 ? byCodeUnit(a.meter.name, b.meter.name) : first;
}

/** The rows of a batch's sums. */
export function rowsOf(sums: readonly MeterSum[]): MeterRow[] {
  return sums.map(({ orgId, meter, complete, added }) => ({
    orgId,
    meter,
    complete,
    values: added.columns(),
  }));
}

/** The parameters of `apply-deltas`; they travel in binary. */
export function applyDeltasParameters(rows: readonly MeterRow[]): Parameter[] {
  return [
    ...meterParameters(rows),
    int8Array(
      rows.length * deltaWidth,
      rows.map((row) => row.values),
    ),
  ];
}

/** The parameters of `apply-deltas` that name the meters. */
export function meterParameters(
  rows: readonly Pick<MeterRow, 'orgId' | 'meter' | 'complete'>[],
): Parameter[] {
  return [
    textArray(rows.map((row) => row.orgId)),
    textArray(rows.map((row) => row.meter.name)),
    textArray(rows.map((row) => (row.complete ? '' : meterFamilyTag(row.meter)))),
    plainArray(rows.map((row) => row.complete)),
  ];
}
