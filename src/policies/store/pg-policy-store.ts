import type { StoreParts } from './change.ts';
import type { PolicyStore } from '../policy-store.ts';
import { storedPolicyChecks } from './check-policies.ts';
import { storedDeviations } from './catalog-deviations.ts';
import { storedCredentials } from './credentials.ts';
import { storedCounts } from './directory-counts.ts';
import { listDirectory } from './list-directory.ts';
import { storedHistory } from './history.ts';
import { storedLimitRevisions } from './list-limit-revisions.ts';
import { storedPriceLists } from './list-prices.ts';
import { storedModelGroups } from './model-groups.ts';
import { storedModelUses } from './model-uses.ts';
import { storedOrganizations } from './organizations.ts';
import { storedPolicies } from './policies.ts';
import { storedPriceImports } from './price-imports.ts';
import { storedPrices } from './prices.ts';
import { storedRaises } from './raises.ts';
import { storedDeletions } from './record-deletion.ts';
import { isSearched } from './record-facets.ts';
import { storedRecords } from './records.ts';
import { storedRevocations } from './revoke-price.ts';
import { storedUsersWithPolicies } from './users-with-policies.ts';
import { storedUsageChanges } from './usage-changes.ts';

/** The policy store over PostgreSQL. */
export function createPgPolicyStore(parts: StoreParts): PolicyStore {
  const records = storedRecords(parts);
  return {
    ...storedOrganizations(parts),
    ...records,
    list: (orgId, kind, page) =>
      isSearched(kind) ? listDirectory(parts, orgId, kind, page) : records.list(orgId, kind, page),
    ...storedCounts(parts),
    ...storedDeletions(parts),
    ...storedModelGroups(parts),
    ...storedCredentials(parts),
    ...storedPolicies(parts),
    ...storedUsersWithPolicies(parts),
    ...storedLimitRevisions(parts),
    ...storedPolicyChecks(parts),
    ...storedModelUses(parts),
    ...storedDeviations(parts),
    ...storedPrices(parts),
    ...storedPriceLists(parts),
    ...storedRevocations(parts),
    ...storedPriceImports(parts),
    ...storedRaises(parts),
    ...storedUsageChanges(parts),
    ...storedHistory(parts),
  };
}
