import type { ReadLimits } from '../db/read-until.ts';
import type { Listed, Page } from '../platform/paging.ts';

/**
 * The audit trail: who did what, when, from where and why. Each organization has a chain of entries, and the platform
 * has one (accounts and secrets, the platform catalog).
 *
 * Append-only: no statement of the program changes or removes an entry. Atomic: an entry is written in the transaction
 * of what it tells of, so there is none of a call that was refused or rehearsed, and a repeat leaves no second one.
 * Ordered: entries of a chain are numbered from 1 without gaps, and their times never go back. Linked: the hash of an
 * entry covers all of its fields and the hash of the entry before.
 *
 * Not promised: that somebody who can write to the database cannot make a new chain. Only a head that was kept
 * elsewhere shows that; see docs/audit.md.
 */

/** The name of the platform's chain, where an organization's has its id. No organization has an empty id. */
export const platformChain = '';

/** Who did something, by which call and why. */
export interface AuditedBy {
  /** The name of the account; `tollgate` for the program itself. */
  readonly actor: string;
  /** The method that was called; undefined: none, as with the first start and the command line. */
  readonly rpc?: string | undefined;
  /** The address of the other end of the connection, without its port; undefined where there was none. */
  readonly peer?: string | undefined;
  readonly reason: string;
  readonly requestId?: string | undefined;
}

/** One thing that was changed, or a secret that was shown. */
export interface Audited {
  readonly kind: string;
  /** Its id. */
  readonly subject: string;
  /** The version or revision that it has now; undefined where it has none of its own. */
  readonly revision?: number | undefined;
  /** As it was; undefined: it was not there. Never with a secret, nor with the hash of one. */
  readonly before: object | undefined;
  /** As it is; undefined: it was deleted. */
  readonly after: object | undefined;
  /** The answer of the call shows a secret, for the only time. */
  readonly secretShown?: boolean;
}

/** An entry as it is kept. */
export interface AuditEntry {
  readonly orgId: string;
  readonly sequence: number;
  readonly atMs: number;
  readonly actor: string;
  /** Empty: none. */
  readonly rpc: string;
  readonly peer: string;
  readonly kind: string;
  readonly subject: string;
  readonly revision: number | undefined;
  /** The organization's epoch that the change made; undefined: it made none. */
  readonly epoch: number | undefined;
  readonly reason: string;
  readonly requestId: string;
  /** Canonical JSON; undefined: it was not there. */
  readonly before: string | undefined;
  readonly after: string | undefined;
  readonly secretShown: boolean;
  /** Of the entry before; zeros for the first. */
  readonly previousHash: Buffer;
}

/** An entry with its own hash. */
export interface KeptEntry extends AuditEntry {
  readonly hash: Buffer;
}

/** The last entry of a chain; sequence 0 and a hash of zeros of a chain without entries. */
export interface AuditHead {
  readonly sequence: number;
  readonly hash: Buffer;
}

/** Which entries of a chain; undefined is any. */
export interface AuditFilter {
  readonly orgId: string;
  readonly actor?: string | undefined;
  readonly rpc?: string | undefined;
  readonly kind?: string | undefined;
  readonly subject?: string | undefined;
  /** From this instant on. */
  readonly startMs?: number | undefined;
  /** Before this instant. */
  readonly endMs?: number | undefined;
  /** Only those that showed a secret. */
  readonly secretShown?: boolean;
}

/** What can be wrong with an entry; the contract's AuditFaultKind says what each means. */
export const auditFaultKinds = [
  'CHANGED',
  'MISSING',
  'MISLINKED',
  'INSERTED',
  'NOT_AS_KEPT',
] as const;

/** The first entry of a chain with which something is wrong. */
export interface AuditFault {
  readonly sequence: number;
  readonly kind: (typeof auditFaultKinds)[number];
}

/** What a verification has found. */
export interface ChainVerdict {
  readonly fault: AuditFault | undefined;
  /** The last entry that was verified. */
  readonly verified: AuditHead;
  readonly head: AuditHead;
}

/** The audit trail, for reading. Every reading sees one instant, and ends with the limits of its caller. */
export interface AuditTrail {
  /** Newest first, and the end of the chain. */
  list(
    filter: AuditFilter,
    page: Page,
    limits: ReadLimits,
  ): Promise<Listed<KeptEntry> & { readonly head: AuditHead }>;
  /** Oldest first. */
  export(filter: AuditFilter, page: Page, limits: ReadLimits): Promise<Listed<KeptEntry>>;
  /** Undefined: there is none of this number. */
  get(orgId: string, sequence: number, limits: ReadLimits): Promise<KeptEntry | undefined>;
  /** Verifies the entries after one that is known, at most 10,000. */
  verify(orgId: string, after: AuditHead | undefined, limits: ReadLimits): Promise<ChainVerdict>;
}
