import { LRUCache } from 'lru-cache';
import { changingTooFast } from '../../platform/changing-too-fast.ts';
import type { CachedOrganization, LoadOrganization } from './organization-loader.ts';
import type { NamedSubject } from '../store/pg-policies.ts';

/** Organizations at the newest epoch that this process has seen, one load of each under way at most. */
export interface OrganizationCache {
  /** What is cached, at whichever epoch. */
  present(orgId: string): CachedOrganization | undefined;
  /** Loads what is new since; one that is under way already may not know of a change before this call. */
  refresh(orgId: string): Promise<CachedOrganization | undefined>;
  /** Not older than `atLeastEpoch`; undefined if there is no such organization. */
  load(orgId: string, atLeastEpoch: number): Promise<CachedOrganization | undefined>;
  clear(): void;
}

/** How the cache is bounded, and what it is plugged into. */
export interface OrganizationCacheParts {
  readonly loadOrganization: LoadOrganization;
  readonly maxOrganizations: number;
  /** Called with the changed named subjects, in the same turn in which the newer snapshot replaces the older one. */
  readonly onNamedChange: (generation: number, named: readonly NamedSubject[]) => void;
}

const maxLoads = 3;

/** Makes an empty cache. */
export function createOrganizationCache(parts: OrganizationCacheParts): OrganizationCache {
  const max = parts.maxOrganizations;
  const organizations = new LRUCache<string, CachedOrganization>({ max });
  const underWay = new Map<string, Promise<CachedOrganization | undefined>>();

  async function refresh(orgId: string): Promise<CachedOrganization | undefined> {
    const loaded = await parts.loadOrganization(orgId, organizations.peek(orgId));
    if (loaded === undefined) {
      organizations.delete(orgId);
      return undefined;
    }
    const { organization, changed } = loaded;
    parts.onNamedChange(organization.generation, changed);
    organizations.set(orgId, organization);
    return organization;
  }

  function refreshOnce(orgId: string): Promise<CachedOrganization | undefined> {
    const running = underWay.get(orgId);
    if (running !== undefined) return running;
    const started = refresh(orgId).finally(() => underWay.delete(orgId));
    underWay.set(orgId, started);
    return started;
  }

  return {
    present: (orgId) => organizations.get(orgId),
    refresh: refreshOnce,
    load: async (orgId, atLeastEpoch) => {
      // One that is under way may have begun before the epoch asked for; the next one has not.
      for (let load = 0; load < maxLoads; load += 1) {
        const present = organizations.get(orgId);
        if (present !== undefined && present.snapshot.epoch >= atLeastEpoch) return present;
        const loaded = await refreshOnce(orgId);
        if (loaded === undefined || loaded.snapshot.epoch >= atLeastEpoch) return loaded;
      }
      throw changingTooFast(`the policies of ${orgId} change faster than they can be read`);
    },
    clear: () => organizations.clear(),
  };
}
