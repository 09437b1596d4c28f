import type { Subject } from '../../core/subject.ts';
import type { Listed, Page } from '../../platform/paging.ts';
import type { PolicyStore } from '../../policies/policy-store.ts';
import type { QueryLimits } from './usage-queries.ts';

/** A hold that is open. */
export interface OpenHold {
  readonly requestId: string;
  /** The names of the base meters that it is charged to. */
  readonly meters: readonly string[];
  readonly target: string;
  readonly cost: bigint;
  readonly input: bigint;
  readonly output: bigint;
  readonly requests: bigint;
  readonly checkedAtMs: number;
  readonly expiresAtMs: number;
}

/** The open holds of an organization, for reading. */
export interface Holds {
  /** Those that expire first come first; with a subject, a page may have fewer than there are on it. */
  list(
    orgId: string,
    subject: Subject | undefined,
    page: Page,
    limits: QueryLimits,
  ): Promise<Listed<OpenHold>>;
}

/** A page of open holds. NOT_FOUND if the organization is unknown. */
export async function listHolds(
  { store, holds }: { store: Pick<PolicyStore, 'getOrganization'>; holds: Holds },
  orgId: string,
  subject: Subject | undefined,
  page: Page,
  limits: QueryLimits,
): Promise<Listed<OpenHold>> {
  await store.getOrganization(orgId);
  return holds.list(orgId, subject, page, limits);
}
