import type { Role } from './caller.ts';

/** The two planes: gateways call one, administrators the other. A secret opens only its own. */
export type Plane = 'data' | 'admin';

/** A role, and where it holds. */
export interface Grant {
  readonly role: Role;
  /** Undefined: for every organization. */
  readonly orgIds: ReadonlySet<string> | undefined;
}

/** Who presented a secret or a certificate. All roles of an account are of one plane. */
export interface Account {
  /** For the log, and the actor of what it changes. */
  readonly name: string;
  readonly grants: readonly Grant[];
}

/**
 * Who may call at all.
 *
 * Promised: a secret or identity that was revoked stops working everywhere within one second, under any load; one
 * that was created works at once. While the store is out of reach (it fails, or leaves a look-up unanswered for a
 * second) callers seen in the last ten minutes still pass, so that an organization's `on_store_failure` can decide;
 * a revocation then binds a second after the store is back. Absent: an account that is unknown, is revoked, or
 * belongs to the other plane is `undefined`. Fails with UNAVAILABLE when the store is out of reach, with
 * RESOURCE_EXHAUSTED `OVERLOADED` when too many unknown callers come at once from its peer, or from very many peers.
 */
export interface Access {
  /** The account that a secret belongs to. Peers share the places of look-ups; the answer does not depend on the peer. */
  authenticate(
    secret: string,
    plane: Plane,
    peer?: string,
  ): Promise<Account | undefined> | Account | undefined;
  /** The account with the name in a verified client certificate. */
  identify(
    name: string,
    plane: Plane,
    peer?: string,
  ): Promise<Account | undefined> | Account | undefined;
}

/** An account that is about to be made, with one secret; of the secret itself only the hash. */
export interface NewAccess {
  /** The id of the account. */
  readonly name: string;
  readonly role: Role;
  /** Undefined: every organization. */
  readonly orgIds: readonly string[] | undefined;
  readonly sha256: Buffer;
  /** The last four characters of the secret; absent: none are kept. */
  readonly lastFour?: string;
  /** The names of client certificates that sign in as it; absent: none. */
  readonly certificateNames?: readonly string[];
}

/** An account, as the command line lists it. */
export interface ListedAccess {
  readonly name: string;
  readonly grants: readonly Grant[];
  readonly state: 'ENABLED' | 'DISABLED' | 'REVOKED';
  readonly createdAtMs: number;
  readonly changedAtMs: number;
}

/** Accounts, as the host of the database makes and ends them. Each change leaves an entry in the platform's audit trail. */
export interface AccessStore {
  /** Whether the store is new: no account was made yet. */
  isEmpty(): Promise<boolean>;
  /**
   * Makes all of them, or none if one of their names is taken; whether it did. `show` runs once, before the
   * commit, when it is sure that the names are free: nothing is made if it fails. If the commit
   * itself fails, what was shown may not be valid. A platform_admin with organizations is FIELD_INVALID.
   */
  create(
    entries: readonly NewAccess[],
    reason: string,
    show?: () => Promise<void>,
  ): Promise<boolean>;
  /** All of them by name, revoked ones too. */
  list(): Promise<readonly ListedAccess[]>;
  /** Ends an account and its secrets for good; whether there is one. A repeat changes nothing. */
  revoke(name: string, reason: string): Promise<boolean>;
}
