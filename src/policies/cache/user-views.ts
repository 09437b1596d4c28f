import type { Pool } from 'pg';
import { changingTooFast } from '../../platform/changing-too-fast.ts';
import { listUsers } from '../store/list-users.ts';
import { readSubjects } from '../store/pg-policies.ts';
import type { UserViews } from '../user-views.ts';
import { platformId } from '../policy-store.ts';
import { CallView } from './cached-view.ts';
import type { OrganizationCache } from './organization-cache.ts';
import type { SharedViews } from './shared-views.ts';

const maxTurns = 100;

/** What views of users are made of. */
interface UserViewParts {
  readonly pool: Pool;
  readonly organizations: OrganizationCache;
  readonly platform: OrganizationCache;
  readonly sharedViews: SharedViews;
  readonly raisesOverBeforeMs: () => number;
}

/** Creates views of users from the cached organization and the users as they are stored. */
export function createUserViews({
  pool,
  organizations,
  platform,
  sharedViews,
  raisesOverBeforeMs,
}: UserViewParts): UserViews {
  return {
    list: (orgId, filter, page) => listUsers(pool, orgId, filter, page),
    async read(orgId, users) {
      if (users.length === 0) return (await organizations.load(orgId, 0)) && [];
      const named = users.map((id) => ({ kind: 'user' as const, id }));
      let epoch = 0;
      for (let turn = 0; turn < maxTurns; turn += 1) {
        const found = await readSubjects(pool, orgId, named, raisesOverBeforeMs());
        if (found === undefined) return undefined;
        epoch = found.epoch;
        if ((await organizations.load(orgId, epoch)) === undefined) return undefined;
        const organization = organizations.present(orgId);
        if (organization?.snapshot.epoch !== epoch) continue;
        const catalog = await platform.load(platformId, 0);
        if (catalog === undefined) throw new Error('the platform has no catalog');
        const { snapshot } = organization;
        const shared = { ...sharedViews(snapshot, catalog.snapshot), remember };
        return found.subjects.map((subject) => new CallView(shared, snapshot, [subject]));
      }
      throw changingTooFast(`the policies of ${orgId} change faster than they can be read`);
    },
  };
}

/** What is derived for a list is not kept: it would displace what calls need. */
function remember<T>(_key: string, make: () => T): T {
  return make();
}
