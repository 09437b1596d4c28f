import type { Listed, Page } from '../platform/paging.ts';

/** What is counted in the directory, from counts that are kept with its records. */
export interface DirectoryCounts {
  /** The tiers that users are on or that have a policy, by id. */
  listTiers(orgId: string, page: Page): Promise<Listed<ListedTier>>;
  /** How many teams, users and keys each of the organizations has. */
  countOrganizations(orgIds: readonly string[]): Promise<ReadonlyMap<string, OrganizationCounts>>;
  /** How many members and children each of the teams has. */
  countTeams(orgId: string, ids: readonly string[]): Promise<ReadonlyMap<string, TeamCounts>>;
}

/** A tier, and how many users are on it. */
export interface ListedTier {
  readonly id: string;
  readonly users: number;
  readonly hasPolicy: boolean;
}

/** How many records an organization has. */
export interface OrganizationCounts {
  readonly teams: number;
  readonly users: number;
  readonly keys: number;
}

/** How many users are members of a team itself, and how many teams are directly below it. */
export interface TeamCounts {
  readonly members: number;
  readonly children: number;
}
