import type { Limit, Policy, Window } from '../core/policy.ts';
import type { PolicyFinding } from '../core/policy-finding.ts';
import type { Subject, SubjectKind } from '../core/subject.ts';
import type { Listed, Page } from '../platform/paging.ts';

/** One revision of a policy, as it is stored. */
export interface PolicyRevision {
  readonly policy: Policy;
  readonly etag: string;
  readonly reason: string;
  readonly actor: string;
  readonly atMs: number;
  readonly origin: RevisionOrigin;
  /** It deleted the policy, and declares nothing. */
  readonly deleted: boolean;
}

/** How a revision was made, where that was not by writing the policy. */
export interface RevisionOrigin {
  /** The names of the limits that it took out. */
  readonly revoked?: readonly string[];
  /** The revision of the same policy that it restores. */
  readonly restored?: number;
  /** The revision that it is a copy of. */
  readonly copied?: { readonly subject: Subject; readonly revision: number };
}

/** A policy as it is to be. */
export interface EditedPolicy {
  /** Its revision is ignored. */
  readonly policy: Policy;
  readonly origin?: RevisionOrigin;
  /** The revision deletes the policy; it declares nothing. */
  readonly deleted?: boolean;
}

/** One policy that is to be changed. */
export interface PolicyEdit {
  readonly subject: Subject;
  /** Empty or undefined: none. */
  readonly etag?: string | undefined;
  /** The field of the request that names the subject, for what is wrong with that. */
  readonly field: string;
  /** What makes two edits the same one, where the change does not carry its request. */
  readonly content: unknown;
  /** From the newest revision, undefined where there is no policy; what it throws refuses the change. */
  readonly edit: (present: PolicyRevision | undefined) => EditedPolicy;
  /** What is remarkable about the policy as it is to be; absent: nothing is looked for. */
  readonly review?: (policy: Policy) => readonly PolicyFinding[];
}

/** A policy that was changed. */
export interface ChangedPolicy {
  readonly revision: PolicyRevision;
  /** The newest revision before; undefined where there was no policy. */
  readonly before: PolicyRevision | undefined;
  readonly findings: readonly PolicyFinding[];
}

/** What one policy revision did to a limit, or to the limits of a quota together. */
export interface LimitRevision {
  readonly subject: Subject;
  /** Of the quota, or of the limit that belongs to none. */
  readonly name: string;
  /** Of the policy. */
  readonly revision: number;
  /** Undefined: they have none, or different ones. */
  readonly window: Window | undefined;
  /** As they were made; where they were taken out, as they were before. */
  readonly limits: readonly Limit[];
  readonly revoked: boolean;
  /** It is the newest of its name, and no revocation. */
  readonly isInForce: boolean;
  readonly reason: string;
  readonly actor: string;
  readonly atMs: number;
}

/** Which revisions of limits are listed; undefined: any. */
export interface LimitRevisionFilter {
  readonly kind: SubjectKind | undefined;
  readonly subject: Subject | undefined;
  /** A part of the name, ignoring letter case. */
  readonly name: string | undefined;
  readonly window: Window | undefined;
  /** ACTIVE: in force now. REVOKED: revocations. */
  readonly state: 'ALL' | 'ACTIVE' | 'REVOKED';
}

/**
 * What was done to limits and quotas, newest first. A page looks at a bounded number of rows, so it may be short, or empty,
 * and not be the last.
 */
export type ListLimitRevisions = (
  orgId: string,
  filter: LimitRevisionFilter,
  page: Page,
) => Promise<Listed<LimitRevision>>;
