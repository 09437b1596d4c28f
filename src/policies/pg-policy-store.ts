import type { StoreParts } from './change.ts';
import type { PolicyStore } from './policy-store.ts';
import { storedCredentials } from './stored-credentials.ts';
import { storedModelGroups } from './stored-model-groups.ts';
import { storedOrganizations } from './stored-organizations.ts';
import { storedPolicies } from './stored-policies.ts';
import { storedPriceImports } from './stored-price-imports.ts';
import { storedPrices } from './stored-prices.ts';
import { storedRecords } from './stored-records.ts';

/** The policy store over PostgreSQL. */
export function createPgPolicyStore(parts: StoreParts): PolicyStore {
  return {
    ...storedOrganizations(parts),
    ...storedRecords(parts),
    ...storedModelGroups(parts),
    ...storedCredentials(parts),
    ...storedPolicies(parts),
    ...storedPrices(parts),
    ...storedPriceImports(parts),
  };
}
