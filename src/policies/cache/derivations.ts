import type { OrganizationView } from '../../core/organization-view.ts';
import { createFairCache } from '../../platform/fair-cache.ts';
import type { OrganizationSnapshot } from './organization-snapshot.ts';

/** One bounded memory for what is derived from all snapshots, shared by organizations; past epochs age away. */
export interface Derivations {
  /** The `remember` of a snapshot's views. */
  readonly rememberOf: (snapshot: OrganizationSnapshot) => OrganizationView['remember'];
  clear(): void;
}

/** Makes an empty memory of at most `max` derivations. */
export function createDerivations(max: number): Derivations {
  const derived = createFairCache<string, { readonly value: unknown }>({ max });
  return {
    rememberOf:
      ({ serial, organization }) =>
      <T>(name: string, make: () => T): T => {
        const key = `${serial} ${name}`;
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
