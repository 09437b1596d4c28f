import type { Page } from '../../platform/paging.ts';
import type { PolicyStore } from '../../policies/policy-store.ts';
import type { CallFilter, Calls, ListedCalls } from './calls.ts';
import type { Reading } from './reading.ts';

/** A page of an organization's calls. NOT_FOUND if the organization is unknown. */
export async function listCalls(
  store: Pick<PolicyStore, 'getOrganization'>,
  calls: Pick<Calls, 'list'>,
  filter: CallFilter,
  page: Page,
  reading: Reading,
): Promise<ListedCalls> {
  await store.getOrganization(filter.orgId);
  return calls.list(filter, page, reading);
}
