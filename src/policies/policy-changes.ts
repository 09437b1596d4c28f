import type { Policy } from '../core/policy.ts';
import type { Subject } from '../core/subject.ts';

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
}

/** A policy that was changed. */
export interface ChangedPolicy {
  readonly revision: PolicyRevision;
  /** The newest revision before; undefined where there was no policy. */
  readonly before: PolicyRevision | undefined;
}
