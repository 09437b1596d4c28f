import type { Pool } from 'pg';
import { applyChanges } from './organization-snapshot.ts';
import type { OrganizationSnapshot } from './organization-snapshot.ts';
import { readDelta, readOrganization } from '../store/pg-policies.ts';
import type { NamedSubject } from '../store/pg-policies.ts';

/** An organization, or the platform, as it is cached; replaced, never changed. */
export interface CachedOrganization {
  readonly snapshot: OrganizationSnapshot;
  /** Named subjects cached under this number have the state of the newest snapshot with this number. */
  readonly generation: number;
}

/** An organization newly loaded, and which named subjects of its generation are no longer as they were. */
export interface LoadedOrganization {
  readonly organization: CachedOrganization;
  readonly changed: readonly NamedSubject[];
}

/** Loads an organization, or what is new of it; undefined if there is none. */
export type LoadOrganization = (
  orgId: string,
  before: CachedOrganization | undefined,
) => Promise<LoadedOrganization | undefined>;

/** Makes a loader; raises that were over `raisesOverBeforeMs` are not loaded. */
export function createOrganizationLoader(
  pool: Pool,
  raisesOverBeforeMs: () => number,
): LoadOrganization {
  let lastGeneration = 0;
  return async (orgId, before) => {
    if (before !== undefined) {
      const { epoch } = before.snapshot;
      const changes = await readDelta(pool, orgId, epoch, raisesOverBeforeMs());
      if (changes?.epoch === epoch) return { organization: before, changed: [] };
      // A smaller epoch: the database was put back to an older state, and nothing cached is of it.
      if (changes !== undefined && changes.epoch > epoch) {
        const snapshot = applyChanges(before.snapshot, changes);
        return {
          organization: { generation: before.generation, snapshot },
          changed: changes.named,
        };
      }
    }
    const whole = await readOrganization(pool, orgId, raisesOverBeforeMs());
    if (whole === undefined) return undefined;
    lastGeneration += 1;
    const snapshot = applyChanges(undefined, whole);
    return { organization: { generation: lastGeneration, snapshot }, changed: [] };
  };
}
