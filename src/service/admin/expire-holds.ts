import type { PolicyStore } from '../../policies/policy-store.ts';

/** Ends holds whose time is over, of one organization or of all; how many. Stops early when the signal is aborted. */
export type ExpireHolds = (orgId?: string, signal?: AbortSignal) => Promise<number>;

/** Runs the sweep now. NOT_FOUND if the organization is unknown. */
export async function expireHolds(
  store: Pick<PolicyStore, 'getOrganization'>,
  sweep: ExpireHolds,
  orgId: string | undefined,
  signal: AbortSignal,
): Promise<number> {
  if (orgId !== undefined) await store.getOrganization(orgId);
  return sweep(orgId, signal);
}
