import type { OrganizationView } from '../../core/organization-view.ts';
import { createFairCache } from '../../platform/fair-cache.ts';
import type { OrganizationSnapshot } from './organization-snapshot.ts';

/** One bounded memory for what is derived from all snapshots, shared by organizations; past epochs age away. */
export interface Derivations {
  /** The `remember` of the views of a snapshot and a snapshot of the platform. */
  readonly rememberOf: (
    snapshot: OrganizationSnapshot,
    platform: OrganizationSnapshot,
  ) => OrganizationView['remember'];
  clear(): void;
}

/** Makes an empty memory of at most `max` derivations. */
export function createDerivations(max: number): Derivations {
  const derived = createFairCache<string, { readonly value: unknown }>({ max });
  return {
    rememberOf:
      ({ serial, organization }, platform) =>
      <T>(name: string, make: () => T): T => {
        const key = `${serial} ${platform.serial} ${name}`;
        const known = derived.get(key);
        // What is kept under a name was made by the same derivation, so it is of its type.
        if (known !== undefined) return known.value as T;
        const value = make();
        derived.set(organization.id, key, { value });
        return value;
      },
    clear: () => derived.clear(),
  };
}
