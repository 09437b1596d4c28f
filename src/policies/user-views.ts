import type { OrganizationView } from '../core/organization-view.ts';
import type { Listed, Page } from '../platform/paging.ts';

/** Which users are listed; undefined: all. */
export interface UserFilter {
  readonly idPrefix: string;
  readonly tier: string | undefined;
  /** Only users with a policy of their own. */
  readonly withPolicy: boolean;
  /** Only users whose policy has a bypass, over or not. */
  readonly withBypass: boolean;
}

/** Users as the policies see them, many at once. */
export interface UserViews {
  /** Registered users, and others with a policy, by id. */
  list(orgId: string, filter: UserFilter, page: Page): Promise<Listed<string>>;
  /**
   * A view for each user, in their order, all of one epoch: what a call of that user would be decided by. In one query,
   * however many there are, and without taking the place of what calls keep in a cache. Undefined: no such organization.
   */
  read(orgId: string, users: readonly string[]): Promise<readonly OrganizationView[] | undefined>;
}
