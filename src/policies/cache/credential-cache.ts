import type { Pool } from 'pg';
import { createFairCache } from '../../platform/fair-cache.ts';
import { batchLookups } from '../../platform/batch-lookups.ts';
import { lookupsOneByOne } from '../../platform/lookups-one-by-one.ts';
import { ServiceError } from '../../platform/service-error.ts';
import { readCredential, readCredentials } from '../store/credential-secrets.ts';
import { lateLookup } from './late-lookup.ts';
import type { FoundCredential, Policies } from '../policies.ts';

/**
 * Which credential a secret belongs to. That never changes, so known secrets are cached without an epoch;
 * whether the credential still holds is its record's to say. Unknown secrets are not cached.
 */
export interface CredentialCache {
  readonly find: Policies['credential'];
  clear(): void;
}

/** How the cache is bounded; see `CachedPoliciesParts`. */
export interface CredentialCacheParts {
  readonly pool: Pool;
  readonly maxCredentials: number;
  readonly maxLookups: number;
  /** A query has one secret, for a distributed PostgreSQL. */
  readonly perOrganization: boolean;
}

/** The least time between two queries: a flood of unknown secrets is at most a hundred queries a second. */
const lookupIntervalMs = 10;

/**
 * Makes an empty cache. A flood of random secrets costs one query at a time, of at most `maxLookups`
 * secrets. Those who ask share these places, one alone has half of them; past its share its look-ups fail with
 * RESOURCE_EXHAUSTED `OVERLOADED`, while known secrets go on and others have their places.
 */
export function createCredentialCache(parts: CredentialCacheParts): CredentialCache {
  const { pool, maxCredentials: max } = parts;
  const known = createFairCache<string, FoundCredential>({ max });
  const bounds = { maxKeys: parts.maxLookups, full: overloaded, intervalMs: lookupIntervalMs };
  const lookUp = parts.perOrganization
    ? lookupsOneByOne((hash) => readCredential(pool, hash), { ...bounds, ...lateLookup })
    : batchLookups((hashes) => readCredentials(pool, hashes), bounds);

  async function load(hash: string, requestedBy: string): Promise<FoundCredential | undefined> {
    const found = await lookUp(hash, requestedBy);
    if (found !== undefined) known.set(found.orgId, hash, found);
    return found;
  }

  return {
    find: (sha256, requestedBy) => {
      const hash = sha256.toString('hex');
      return known.get(hash) ?? load(hash, requestedBy);
    },
    clear: () => known.clear(),
  };
}

function overloaded(): ServiceError {
  return new ServiceError('OVERLOADED', 'too many unknown secrets at once', {
    retryAfterMs: 1000,
  });
}
