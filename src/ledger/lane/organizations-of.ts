import type { Planned } from './planned.ts';

/** The organizations of a batch. */
export function organizationsOf(batch: readonly Planned[]): ReadonlySet<string> {
  return new Set(batch.map(({ operation }) => operation.orgId));
}
