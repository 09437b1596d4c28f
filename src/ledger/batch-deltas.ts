import { byCodeUnit, isDerived } from '../core/meter.ts';
import type { Meter } from '../core/meter.ts';
import { meterFamilyTag } from '../core/meters.ts';
import { int8Array, plainArray, textArray } from './binary-arrays.ts';
import type { CallDelta } from './call-delta.ts';
import { DeltaSums } from './delta-sums.ts';
import type { Parameter } from './flight.ts';
import { deltaWidth } from './sql/apply-deltas.ts';

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
    const all: MeterSum[] = [];
    for (const orgId of [...this.#sums.keys()].toSorted(byCodeUnit)) {
      const meters = [...(this.#sums.get(orgId)?.values() ?? [])];
      all.push(...meters.toSorted(inLockOrder));
    }
    return all;
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

function inLockOrder(a: MeterSum, b: MeterSum): number {
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
    textArray(rows.map((row) => row.orgId)),
    textArray(rows.map((row) => row.meter.name)),
    textArray(rows.map((row) => (row.complete ? '' : meterFamilyTag(row.meter)))),
    plainArray(rows.map((row) => row.complete)),
    int8Array(
      rows.length * deltaWidth,
      rows.map((row) => row.values),
    ),
  ];
}
