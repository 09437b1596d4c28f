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

/** The last entry of a chain; sequence 0 and a hash of zeros of a chain without entries. */
export interface AuditHead {
  readonly orgId: string;
  readonly sequence: number;
  readonly hash: Buffer;
  readonly atMs: number;
}
