import { LRUCache } from 'lru-cache';
import type { Pool } from 'pg';
import type { OrganizationView } from '../core/organization-view.ts';
import { storeFailure } from '../db/errors.ts';
import { sharedView } from './cached-view.ts';
import type { SharedView } from './cached-view.ts';
import { applyChanges } from './organization-snapshot.ts';
import type { OrganizationSnapshot } from './organization-snapshot.ts';
import { readDelta, readOrganization } from './pg-policies.ts';
import type { NamedSubject, OrganizationChanges } from './pg-policies.ts';

/** An organization as it is cached; replaced, never changed. */
export interface CachedOrganization {
  readonly snapshot: OrganizationSnapshot;
  readonly shared: SharedView;
  /** Named subjects cached under this number are as they stood at the newest snapshot that bears it. */
  readonly generation: number;
}

/** Organizations at the newest epoch that this process has seen, one load of each under way at most. */
export interface OrganizationCache {
  /** What is cached, at whichever epoch. */
  present(orgId: string): CachedOrganization | undefined;
  /** Whether the organization was looked for a moment ago and not found. */
  isAbsent(orgId: string): boolean;
  /** Not older than `atLeastEpoch`; undefined if there is no such organization. */
  load(orgId: string, atLeastEpoch: number): Promise<CachedOrganization | undefined>;
  forgetAbsence(orgId: string): void;
  clear(): void;
}

/** How the cache is bounded, and what it is plugged into. */
export interface OrganizationCacheParts {
  readonly pool: Pool;
  readonly maxOrganizations: number;
  /** How long an unknown organization is taken as unknown. */
  readonly absentMs: number;
  readonly monotonicMs: () => number;
  /** Told of changed named subjects, in the same breath in which the newer snapshot takes its place. */
  readonly onNamedChange: (generation: number, named: readonly NamedSubject[]) => void;
  /** Makes the `remember` of a snapshot's views. */
  readonly rememberOf: (snapshot: OrganizationSnapshot) => OrganizationView['remember'];
}

const maxLoads = 3;

/** Makes an empty cache. */
export function createOrganizationCache(parts: OrganizationCacheParts): OrganizationCache {
  const { pool, maxOrganizations, absentMs } = parts;
  const organizations = new LRUCache<string, CachedOrganization>({ max: maxOrganizations });
  const perf = { now: parts.monotonicMs };
  const expiring = { ttl: absentMs, ttlResolution: 0, perf };
  const absent = new LRUCache<string, true>({ max: maxOrganizations, ...expiring });
  const underWay = new Map<string, Promise<CachedOrganization | undefined>>();
  let lastGeneration = 0;

  async function refresh(orgId: string): Promise<CachedOrganization | undefined> {
    const before = organizations.peek(orgId);
    if (before !== undefined) {
      const changes = await readDelta(pool, orgId, before.snapshot.epoch);
      // A smaller epoch: the database was put back to an older state, and nothing cached is of it.
      const usable = changes !== undefined && changes.epoch >= before.snapshot.epoch;
      if (usable) return advance(orgId, before, changes);
    }
    const whole = await readOrganization(pool, orgId);
    if (whole === undefined) {
      organizations.delete(orgId);
      absent.set(orgId, true);
      return undefined;
    }
    lastGeneration += 1;
    return keep(orgId, lastGeneration, applyChanges(undefined, whole));
  }

  function advance(
    orgId: string,
    before: CachedOrganization,
    changes: OrganizationChanges,
  ): CachedOrganization {
    if (changes.epoch === before.snapshot.epoch) return before;
    parts.onNamedChange(before.generation, changes.named);
    return keep(orgId, before.generation, applyChanges(before.snapshot, changes));
  }

  function keep(
    orgId: string,
    generation: number,
    snapshot: OrganizationSnapshot,
  ): CachedOrganization {
    const shared = sharedView(snapshot, parts.rememberOf(snapshot));
    const organization = { snapshot, shared, generation };
    organizations.set(orgId, organization);
    absent.delete(orgId);
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
    isAbsent: (orgId) => absent.has(orgId),
    load: async (orgId, atLeastEpoch) => {
      // One that is under way may have begun before the epoch asked for; the next one has not.
      for (let load = 0; load < maxLoads; load += 1) {
        const present = organizations.get(orgId);
        if (present !== undefined && present.snapshot.epoch >= atLeastEpoch) return present;
        const loaded = await refreshOnce(orgId);
        if (loaded === undefined || loaded.snapshot.epoch >= atLeastEpoch) return loaded;
      }
      throw storeFailure(new Error(`policies of ${orgId} are older than epoch ${atLeastEpoch}`));
    },
    forgetAbsence: (orgId) => absent.delete(orgId),
    clear: () => {
      organizations.clear();
      absent.clear();
    },
  };
}
