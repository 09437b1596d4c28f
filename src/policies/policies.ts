import type { CallRequest } from '../core/call.ts';
import type { OrganizationView } from '../core/organization-view.ts';

/**
 * The policies as deciding needs them: one organization at a time, at one epoch.
 *
 * Promised: a view is whole and of one epoch, never a mixture of two; asked for with `atLeastEpoch`, it is
 * not older than that; an unknown organization is `undefined`, and that too is cached only briefly.
 * Not promised: that a view is the newest. Whoever acts on one compares its epoch with the database's
 * under the organization's lock, and asks again when it is older. That comparison, and not a
 * notification, is what makes a change bind the next Check.
 */
export interface Policies {
  /**
   * The view for a call, its subjects loaded. Answers at once (no promise) when all of it is cached.
   * `resolveTeamsOf` and the like are not needed: records that a credential, user or principal names
   * are loaded too.
   */
  view(
    orgId: string,
    need: ViewNeed,
    atLeastEpoch?: number,
  ): OrganizationView | undefined | Promise<OrganizationView | undefined>;

  /** The organization and id that a secret belongs to, by SHA-256; unknown ones are cached for a short while. */
  credential(sha256: Buffer): Promise<FoundCredential | undefined> | FoundCredential | undefined;

  /** The organization's epoch as it is now, read from the store: for answers that no ledger validates. */
  newestEpoch(orgId: string): Promise<number>;

  /** Drops what is cached. */
  close(): Promise<void>;
}

/** The subjects whose own records and policies a call needs. */
export type ViewNeed = Pick<CallRequest, 'subjects' | 'credential'>;

export interface FoundCredential {
  readonly orgId: string;
  readonly kind: 'key' | 'token';
  readonly id: string;
}
