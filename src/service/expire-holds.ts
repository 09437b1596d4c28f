import type { Ledger } from '../ledger/ledger.ts';
import type { Policies } from '../policies/policies.ts';
import { closePlanner } from './settlement.ts';

/** Holds ended in one round of the sweep. */
const holdsPerRound = 500;

/** Ends the holds whose time is over, of one organization or all, as each wants; how many were ended. */
export function createExpireHolds({ policies, ledger }: { policies: Policies; ledger: Ledger }) {
  return async function expireHolds(orgId?: string): Promise<number> {
    let expired = 0;
    for (;;) {
      const ended = await ledger.expire(holdsPerRound, closePlanner(policies), orgId);
      expired += ended;
      if (ended < holdsPerRound) return expired;
    }
  };
}
