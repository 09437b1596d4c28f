import type { StoreParts } from './change.ts';
import type { PolicyStore } from './policy-store.ts';
import { storedCredentials } from './stored-credentials.ts';
import { storedOrganizations } from './stored-organizations.ts';
import { storedPolicies } from './stored-policies.ts';
import { storedPrices } from './stored-prices.ts';
import { storedRecords } from './stored-records.ts';

/** The policy store over PostgreSQL. */
export function createPgPolicyStore(parts: StoreParts): PolicyStore {
  return {
    ...storedOrganizations(parts),
    ...storedRecords(parts),
    ...storedCredentials(parts),
    ...storedPolicies(parts),
    ...storedPrices(parts),
  };
}
