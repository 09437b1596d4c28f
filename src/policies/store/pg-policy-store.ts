import type { StoreParts } from './change.ts';
import type { PolicyStore } from '../policy-store.ts';
import { storedPolicyChecks } from './check-policies.ts';
import { storedCredentials } from './credentials.ts';
import { storedHistory } from './history.ts';
import { storedLimitRevisions } from './list-limit-revisions.ts';
import { storedModelGroups } from './model-groups.ts';
import { storedOrganizations } from './organizations.ts';
import { storedPolicies } from './policies.ts';
import { storedPriceImports } from './price-imports.ts';
import { storedPrices } from './prices.ts';
import { storedRaises } from './raises.ts';
import { storedDeletions } from './record-deletion.ts';
import { storedRecords } from './records.ts';
import { storedRevocations } from './revoke-price.ts';

/** The policy store over PostgreSQL. */
export function createPgPolicyStore(parts: StoreParts): PolicyStore {
  return {
    ...storedOrganizations(parts),
    ...storedRecords(parts),
    ...storedDeletions(parts),
    ...storedModelGroups(parts),
    ...storedCredentials(parts),
    ...storedPolicies(parts),
    ...storedLimitRevisions(parts),
    ...storedPolicyChecks(parts),
    ...storedPrices(parts),
    ...storedRevocations(parts),
    ...storedPriceImports(parts),
    ...storedRaises(parts),
    ...storedHistory(parts),
  };
}
