import { LRUCache } from 'lru-cache';
import type { Pool } from 'pg';
import { gatherLookups } from '../platform/gather.ts';
import { ServiceError } from '../platform/service-error.ts';
import { readCredentials } from './pg-policies.ts';
import type { FoundCredential, Policies } from './policies.ts';

/**
 * Which credential a secret belongs to. That never changes, so it is cached without an epoch; whether the
 * credential still holds is its record's to say.
 */
export interface CredentialCache {
  readonly find: Policies['credential'];
  /** Forgets which secrets were unknown, because a credential was created. */
  forgetUnknown(): void;
  clear(): void;
}

/** How the cache is bounded; see `CachedPoliciesParts`. */
export interface CredentialCacheParts {
  readonly pool: Pool;
  readonly maxCredentials: number;
  readonly unknownMs: number;
  readonly maxLookups: number;
  readonly monotonicMs: () => number;
}

/**
 * Makes an empty cache. A flood of random secrets costs one query at a time, of at most `maxLookups`
 * secrets; past that, look-ups fail with RESOURCE_EXHAUSTED `OVERLOADED`, while known secrets go on.
 */
export function createCredentialCache(parts: CredentialCacheParts): CredentialCache {
  const { pool, maxCredentials: max, unknownMs: ttl } = parts;
  // Apart, so that a flood of unknown secrets does not push the known ones out.
  const known = new LRUCache<string, FoundCredential>({ max });
  const expiring = { ttl, ttlResolution: 0, perf: { now: parts.monotonicMs } };
  const unknown = new LRUCache<string, true>({ max, ...expiring });
  const lookUp = gatherLookups(
    (hashes) => readCredentials(pool, hashes),
    parts.maxLookups,
    overloaded,
  );
  // Grows whenever what is unknown is forgotten: a look-up begun before may not know of the newcomer.
  let forgotten = 0;

  async function load(hash: string): Promise<FoundCredential | undefined> {
    const before = forgotten;
    const found = await lookUp(hash);
    if (found !== undefined) known.set(hash, found);
    else if (forgotten === before) unknown.set(hash, true);
    return found;
  }

  return {
    find: (sha256) => {
      const hash = sha256.toString('hex');
      const found = known.get(hash);
      if (found !== undefined) return found;
      return unknown.has(hash) ? undefined : load(hash);
    },
    forgetUnknown: () => {
      forgotten += 1;
      unknown.clear();
    },
    clear: () => {
      known.clear();
      unknown.clear();
    },
  };
}

function overloaded(): ServiceError {
  return new ServiceError('RESOURCE_EXHAUSTED', 'OVERLOADED', 'too many unknown secrets at once', {
    retryAfterMs: 1000,
  });
}
