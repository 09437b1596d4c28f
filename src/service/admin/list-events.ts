import type { Page } from '../../platform/paging.ts';
import type { PolicyStore } from '../../policies/policy-store.ts';
import type { EventFilter, Events, ListedEvents } from './events.ts';
import type { Reading } from './reading.ts';

/** A page of an organization's enforcement events. NOT_FOUND if the organization is unknown. */
export async function listEvents(
  store: Pick<PolicyStore, 'getOrganization'>,
  events: Pick<Events, 'list'>,
  filter: EventFilter,
  page: Page,
  reading: Reading,
): Promise<ListedEvents> {
  await store.getOrganization(filter.orgId);
  return events.list(filter, page, reading);
}
