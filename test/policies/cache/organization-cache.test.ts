import { expect, test } from 'vitest';
import { createOrganizationCache } from '../../../src/policies/cache/organization-cache.ts';
import { createOrganizationLoader } from '../../../src/policies/cache/organization-loader.ts';
import { change, organization } from '../builders.ts';
import { useFreshStore } from '../fresh-store.ts';

const fresh = useFreshStore();

// Red on the code before: this was INTERNAL, which tells a gateway to give up.
test('policies that change faster than they are read are STORE_BUSY, with a time to retry', async () => {
  const organizations = createOrganizationCache({
    loadOrganization: createOrganizationLoader(fresh.database.pool, () => 0),
    maxOrganizations: 10,
    onNamedChange: () => {},
  });
  await fresh.store.updateOrganization(organization(fresh.org), change);
  const ahead = organizations.load(fresh.org, 1_000_000);
  await expect(ahead).rejects.toMatchObject({ reason: 'STORE_BUSY', retryAfterMs: 100 });
  expect((await organizations.load(fresh.org, 2))?.snapshot.epoch).toBe(2);
});
