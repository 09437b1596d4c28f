import type { Listed, Page } from '../../platform/paging.ts';
import type { PolicyStore } from '../../policies/policy-store.ts';
import type { EventFilter, Events, StoredEvent } from './events.ts';

/** A page of an organization's enforcement events. NOT_FOUND if the organization is unknown. */
export async function listEvents(
  store: Pick<PolicyStore, 'getOrganization'>,
  events: Events,
  filter: EventFilter,
  page: Page,
): Promise<Listed<StoredEvent>> {
  await store.getOrganization(filter.orgId);
  return events.list(filter, page);
}
