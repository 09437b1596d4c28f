import { byCodeUnit, isDerived } from '../core/meter.ts';
import type { Meter } from '../core/meter.ts';
import { meterFamilyTag } from '../core/meters.ts';
import { int8Array, textArray } from './binary-arrays.ts';
import type { CallDelta } from './call-delta.ts';
import { counters, deltaWidth, windowOffsets } from './sql/apply-deltas.ts';

/** The sums of one meter in a batch, in the columns of `apply-deltas`. */
export interface MeterSum {
  readonly orgId: string;
  readonly meter: Meter;
  /** Born complete, unlike a derived meter, which is filled from the ledger first. */
  readonly complete: boolean;
  readonly values: bigint[];
}

/** Adds up deltas per meter, so that each row is written once. */
export class BatchDeltas {
  readonly #sums = new Map<string, Map<string, MeterSum>>();

  /** Adds an operation's delta (`sign` -1n takes it back). Older windows of the same meter give way to newer ones. */
  add(orgId: string, delta: CallDelta, sign: 1n | -1n = 1n): void {
    for (const meter of delta.meters) addTo(this.#sum(orgId, meter).values, delta, sign);
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
      const values = Array.from({ length: deltaWidth }, () => 0n);
      sum = { orgId, meter, complete: !isDerived(meter), values };
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

function addTo(values: bigint[], delta: CallDelta, sign: 1n | -1n): void {
  values[0] = (values[0] ?? 0n) + sign * delta.inFlight;
  for (const [index, offset] of windowOffsets.entries()) {
    const start = BigInt(delta.starts[index] ?? 0);
    const known = offset.start < 0 ? start : (values[offset.start] ?? 0n);
    if (start < known) continue;
    const isNewer = start > known;
    if (isNewer) values[offset.start] = start;
    for (let at = 0; at < counters.length; at += 1) {
      const before = isNewer ? 0n : (values[offset.counters + at] ?? 0n);
      values[offset.counters + at] = before + sign * (delta.counters[at] ?? 0n);
    }
  }
}

/** The parameters of `apply-deltas`; they travel in binary. */
export function applyDeltasParameters(sums: readonly MeterSum[]): unknown[] {
  return [
    textArray(sums.map((sum) => sum.orgId)),
    textArray(sums.map((sum) => sum.meter.name)),
    textArray(sums.map((sum) => (sum.complete ? '' : meterFamilyTag(sum.meter)))),
    sums.map((sum) => sum.complete),
    int8Array(
      sums.length * deltaWidth,
      sums.map((sum) => sum.values),
    ),
  ];
}
