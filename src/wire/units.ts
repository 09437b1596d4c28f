import { saturated } from '../core/totals.ts';
import { maxUnitCount, maxUnits, noUnits, unitsOf } from '../core/units.ts';
import type { Units } from '../core/units.ts';
import { unitNameFault } from './unit-name.ts';
import type { Violations } from './violations.ts';

/** Reads the units of a call. One of count 0 is as absent. */
export function readUnits(
  violations: Violations,
  field: string,
  message: Readonly<Record<string, bigint>>,
): Units {
  const entries = Object.entries(message);
  if (entries.length === 0) return noUnits;
  for (const [name, count] of entries) {
    const fault = unitNameFault(name);
    if (fault !== undefined) violations.add(field, fault);
    else if (count < 0n || count > maxUnitCount) {
      violations.add(`${field}[${name}]`, `must be 0 to ${maxUnitCount}`);
    }
  }
  const units = unitsOf(entries.map(([name, count]) => ({ name, count })));
  if (units.length > maxUnits) violations.add(field, `must have at most ${maxUnits} units`);
  return units;
}

const none: Record<string, bigint> = {};

/** Writes units; a sum past int64 stays at the largest. */
export function unitsToMessage(units: Units): Record<string, bigint> {
  if (units.length === 0) return none;
  return Object.fromEntries(units.map(({ name, count }) => [name, saturated(count)]));
}
