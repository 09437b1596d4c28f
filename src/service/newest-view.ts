import type { Policies } from '../policies/policies.ts';

/** Something made of an organization's policies at one epoch. */
interface MadeOfPolicies {
  readonly epoch: number;
}

/**
 * Holds something that was made of cached policies against the store, before a call is refused because of it:
 * made again if the organization has changed since, else the same. Costs a place in a batched query.
 */
export async function madeOfNewest<Made extends MadeOfPolicies>(
  policies: Pick<Policies, 'newestEpoch'>,
  orgId: string,
  made: Made,
  makeAgain: (atLeastEpoch: number) => Promise<Made> | Made,
): Promise<Made> {
  const epoch = await policies.newestEpoch(orgId);
  return epoch > made.epoch ? makeAgain(epoch) : made;
}
