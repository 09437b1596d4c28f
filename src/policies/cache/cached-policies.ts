import type { Pool } from 'pg';
import type { Clock } from '../../platform/clock.ts';
import type { ChangeNotice } from '../store/change.ts';
import { createCredentialCache } from './credential-cache.ts';
import { createDerivations } from './derivations.ts';
import { createEpochReader } from './epoch-reader.ts';
import { createOrganizationCache } from './organization-cache.ts';
import { createOrganizationLoader } from './organization-loader.ts';
import { platformId } from '../policy-store.ts';
import type { Policies } from '../policies.ts';
import { createSharedViews } from './shared-views.ts';
import { createSubjectCache } from './subject-cache.ts';
import { createUserViews } from './user-views.ts';
import type { UserViews } from '../user-views.ts';
import { createViewLoader } from './view-loader.ts';

/** What the cache reads from, and its bounds. */
export interface CachedPoliciesParts {
  readonly pool: Pool;
  /** Organizations kept, whole but for the subjects that are loaded when named. */
  readonly maxOrganizations?: number;
  /** Users, keys, tokens, principals, apps and customers kept, of all organizations together; a `FairCache`. */
  readonly maxSubjects?: number;
  /** Derivations kept (`remember`), of all organizations together; a `FairCache`. */
  readonly maxDerivations?: number;
  /** Known secrets kept, of all organizations together; a `FairCache`. */
  readonly maxCredentials?: number;
  /** Secrets, and organizations, that may wait for the next look-up. */
  readonly maxLookups?: number;
  /** A look-up reads one organization, or one secret, for a distributed PostgreSQL; absent: false. */
  readonly perOrganization?: boolean;
  /** Raises that have long been over are not loaded; absent: they are. */
  readonly clock?: Clock;
}

/** So long raises are kept that are over: the database's clock may be put back. */
const keptAfterEndMs = 24 * 3_600_000;

/** Policies, and a listener for notifications that they have changed. */
export interface CachedPolicies extends Policies {
  /** Takes a notification that an organization, or the platform, has changed; loads the change in the background if it is cached. */
  readonly noticed: (notice: ChangeNotice) => void;
  readonly users: UserViews;
}

/** Makes the policies, cached in this process. */
export function createCachedPolicies(parts: CachedPoliciesParts): CachedPolicies {
  const { pool, maxLookups = 1000, perOrganization = false, clock } = parts;
  const overBeforeMs = (): number => (clock === undefined ? 0 : clock.nowMs() - keptAfterEndMs);
  const subjects = createSubjectCache(pool, parts.maxSubjects ?? 100_000, overBeforeMs);
  const derivations = createDerivations(parts.maxDerivations ?? 100_000);
  const loadOrganization = createOrganizationLoader(pool, overBeforeMs);
  const organizations = createOrganizationCache({
    loadOrganization,
    maxOrganizations: parts.maxOrganizations ?? 1000,
    onNamedChange: (generation, named) => subjects.forget(generation, named),
  });
  const platform = createOrganizationCache({
    loadOrganization,
    maxOrganizations: 1,
    onNamedChange: () => {},
  });
  const credentials = createCredentialCache({
    pool,
    maxCredentials: parts.maxCredentials ?? 100_000,
    maxLookups,
    perOrganization,
  });
  // A reader each, so that a flood of unknown organizations takes no place from those that are cached.
  const shared = { organizations, platform, sharedViews: createSharedViews(derivations) };
  const reading = { pool, maxLookups, perOrganization };
  const readUnknown = createEpochReader(reading);
  const readKnown = createEpochReader(reading);

  function noticed({ orgId, epoch }: ChangeNotice): void {
    const cache = orgId === platformId ? platform : organizations;
    if (cache.present(orgId) === undefined) return;
    cache.load(orgId, epoch).catch(() => {
      // Only a hint: the next Check sees the newer epoch itself, and fails there if the store does.
    });
  }

  return {
    view: createViewLoader({ ...shared, subjects, readEpoch: readUnknown }),
    credential: credentials.find,
    noticed,
    users: createUserViews({ ...shared, pool, raisesOverBeforeMs: overBeforeMs }),
    newestEpoch: async (orgId) => (await readKnown(orgId)) ?? 0,
    close: async () => {
      organizations.clear();
      platform.clear();
      subjects.clear();
      credentials.clear();
      derivations.clear();
    },
  };
}
