import type { Units } from '../../core/units.ts';
import type { StoredCall } from '../ledger.ts';

/** Units as the record keeps them: a JSON object of counts by name; null where there are none. */
export function unitsJson(units: Units): string | null {
  if (units.length === 0) return null;
  return `{${units.map(({ name, count }) => `${JSON.stringify(name)}:${count}`).join(',')}}`;
}

/** The units that are charged when a hold ends: what the Check and its Extends said. */
export function chargedUnits(
  { estimate }: Pick<StoredCall, 'estimate'>,
  isCharged: boolean,
): string | null {
  return isCharged ? unitsJson(estimate.units) : null;
}
