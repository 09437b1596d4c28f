/** How often a unit beside tokens (`image`, `web_search`) is used. */
export interface UnitCount {
  readonly name: string;
  readonly count: bigint;
}

/** The units of a call, by name, each once and none at 0: so equal units have equal texts. */
export type Units = readonly UnitCount[];

/** No unit: shared, so that calls without units cost nothing. */
export const noUnits: Units = [];

/** The most units that a call may have. */
export const maxUnits = 16;
/** The most that a call may have of one unit. */
export const maxUnitCount = 2n ** 53n;

/** Units in the order of their names, without those at 0. */
export function unitsOf(counts: readonly UnitCount[]): Units {
  const used = counts.filter(({ count }) => count !== 0n);
  return used.length === 0 ? noUnits : used.toSorted(byName);
}

/** Both together; `sign` -1n takes the second ones away, which may leave counts below 0. */
export function addUnits(a: Units, b: Units, sign: 1n | -1n = 1n): Units {
  if (b.length === 0) return a;
  const sums = new Map(a.map(({ name, count }) => [name, count]));
  for (const { name, count } of b) sums.set(name, (sums.get(name) ?? 0n) + sign * count);
  return unitsOf([...sums].map(([name, count]) => ({ name, count })));
}

function byName(a: UnitCount, b: UnitCount): number {
  return a.name < b.name ? -1 : 1;
}
