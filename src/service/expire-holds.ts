import type { ExpiryPass, ExpiryScope, Ledger } from '../ledger/ledger.ts';
import type { Policies } from '../policies/policies.ts';
import { closePlanner } from './settlement.ts';

/** Ends the holds whose time is over, of one organization or all, as each organization wants. */
export function createExpireHolds({ policies, ledger }: { policies: Policies; ledger: Ledger }) {
  const plan = closePlanner(policies);
  return (scope: ExpiryScope): Promise<ExpiryPass> => ledger.expire(plan, scope);
}
