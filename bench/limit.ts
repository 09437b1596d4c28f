import type { Limit } from '../src/core/policy.ts';

const plenty = 10n ** 15n;

/** A limit that no call of a benchmark exceeds. */
export function limit(
  name: string,
  metric: Limit['metric'],
  window: Limit['window'],
  more: Partial<Limit> = {},
): Limit {
  return {
    name,
    metric,
    window,
    amount: plenty,
    action: 'BLOCK',
    thresholds: [80],
    for: { kind: 'SELF' },
    targets: [],
    enabled: true,
    ...more,
  };
}
