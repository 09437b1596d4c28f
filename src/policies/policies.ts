import type { CallRequest } from '../core/call.ts';
import type { OrganizationView } from '../core/organization-view.ts';

/**
 * The policies as deciding needs them: one organization at a time, at one epoch.
 *
 * Promised: a view is whole and of one epoch, never a mixture of two; asked for with `atLeastEpoch`, it is not
 * older than that; an unknown organization is `undefined`, and so it was in the store after the call. Not promised:
 * that a view is the newest. Code that acts on a view compares its epoch with the database's under the
 * organization's lock, and gets a new one when it is older; code that refuses a call without the ledger compares it
 * with `newestEpoch`. That comparison, and not a notification, is what makes a change bind the next call.
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

  /**
   * The organization and id that a secret belongs to, by SHA-256. Undefined: the store was asked after this
   * call, and does not know it. `requestedBy` has a share of the look-ups: the organization that the call names, else
   * its caller. Fails with RESOURCE_EXHAUSTED `OVERLOADED` when it looks up more than that.
   */
  credential(
    sha256: Buffer,
    requestedBy: string,
  ): Promise<FoundCredential | undefined> | FoundCredential | undefined;

  /**
   * The organization's epoch, read from the store after this call, in one query for all who ask at the same
   * time: for answers that the ledger does not validate. 0 if there is no such organization.
   */
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
