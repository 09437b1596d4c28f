import type { Limit } from './policy.ts';

/** A policy may have this many limits. */
export const maxLimitsOfPolicy = 200;

/** The metrics of a quota's limits, by what their names end with. */
export const quotaMetrics = { cost: 'COST', tokens: 'TOKENS', requests: 'REQUESTS' } as const;

/** The quota that a limit belongs to by its name and metric: `hour.cost` to `hour`. */
export function quotaOf({ name, metric }: Pick<Limit, 'name' | 'metric'>): string | undefined {
  const dot = name.lastIndexOf('.');
  if (dot < 1) return undefined;
  const end = name.slice(dot + 1);
  const known = Object.entries(quotaMetrics).find(([part]) => part === end);
  return known?.[1] === metric ? name.slice(0, dot) : undefined;
}

/**
 * Limits with some of them replaced, by name, and the others of `put` added at the end. What belongs to `quota` and is not
 * put is taken out.
 */
export function withLimits(
  limits: readonly Limit[],
  put: readonly Limit[],
  quota?: string,
): { readonly limits: readonly Limit[]; readonly removed: readonly string[] } {
  const byName = new Map(put.map((limit) => [limit.name, limit]));
  const isRemoved = (limit: Limit): boolean =>
    quota !== undefined && quotaOf(limit) === quota && !byName.has(limit.name);
  const kept = limits.filter((limit) => !isRemoved(limit));
  const known = new Set(kept.map(({ name }) => name));
  const added = put.filter(({ name }) => !known.has(name));
  return {
    limits: [...kept.map((limit) => byName.get(limit.name) ?? limit), ...added],
    removed: limits.filter(isRemoved).map(({ name }) => name),
  };
}
