import type { Listed, Page } from '../../platform/paging.ts';
import type { Change } from '../../policies/policy-store.ts';
import type { Grant } from '../auth.ts';
import type { Caller, Role } from '../caller.ts';

/** An account, as administrators declare it. */
export interface AccountRecord {
  readonly id: string;
  readonly displayName: string;
  readonly kind: 'SERVICE' | 'PERSON';
  /** Each of another role, all of one plane. */
  readonly grants: readonly Grant[];
  readonly certificateNames: readonly string[];
  readonly state: 'ENABLED' | 'DISABLED' | 'REVOKED';
}

/** An account as it is stored. */
export interface StoredAccount {
  readonly record: AccountRecord;
  readonly etag: string;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** A secret of an account, as far as it may be shown. */
export interface StoredSecret {
  readonly accountId: string;
  /** A number within the account, as text. */
  readonly id: string;
  readonly lastFour: string;
  readonly expiresAtMs: number | undefined;
  readonly revokedAtMs: number | undefined;
  /** The id of the secret that replaced it. */
  readonly replacedBy: string | undefined;
  /** To about a minute. */
  readonly lastUsedAtMs: number | undefined;
  readonly etag: string;
  readonly createdAtMs: number;
}

/** A secret that is about to be kept: its hash, and what of it may be shown. */
export interface NewAccountSecret {
  readonly sha256: Buffer;
  readonly lastFour: string;
  readonly expiresAtMs: number | undefined;
}

/** Makes a secret for an account of these grants. */
export type MakeSecret = (grants: readonly Grant[]) => NewAccountSecret;

/** An answer, and whether it is that of an earlier request with the same id. */
export type Answered<T> = T & { readonly replayed: boolean };

/** Which accounts are listed. */
export interface AccountFilter {
  /** Only with a grant for this organization, or for all. */
  readonly orgId: string | undefined;
  readonly role: Role | undefined;
}

/**
 * The record of accounts and their secrets, as administrators change it. `caller` is who does: accounts that it may not
 * manage are not there for it (see `account-rules.ts`), and grants that it may not give are PERMISSION_DENIED.
 *
 * Atomic: every change happens whole, under one lock of all accounts, with its entry in the platform's audit trail.
 * Etags, `validateOnly`, request ids and repeats are as those of `PolicyStore`; request ids are the caller's own.
 * Fails with FAILED_PRECONDITION `LAST_PLATFORM_ADMIN` where a platform administrator changes so that none is left
 * that can sign in.
 *
 * Promised with `Access`: what ends an account or a secret binds within a second on every replica.
 */
export interface AccountStore {
  get(caller: Caller, id: string): Promise<StoredAccount>;
  /** The caller's own account, whatever its roles. */
  own(caller: Caller): Promise<StoredAccount>;
  list(caller: Caller, filter: AccountFilter, page: Page): Promise<Listed<StoredAccount>>;
  create(caller: Caller, account: AccountRecord, by: Change): Promise<StoredAccount>;
  /** Replaces it whole; ACCOUNT_REVOKED if it was revoked. */
  update(caller: Caller, account: AccountRecord, by: Change): Promise<StoredAccount>;
  /** Ends it and its secrets for good; one that was revoked before is answered as it is. */
  revoke(caller: Caller, id: string, by: Change): Promise<StoredAccount>;
  createSecret(
    caller: Caller,
    accountId: string,
    make: MakeSecret,
    by: Change,
  ): Promise<Answered<{ readonly secret: StoredSecret }>>;
  listSecrets(caller: Caller, accountId: string, page: Page): Promise<Listed<StoredSecret>>;
  /** The replaced one ends `overlapMs` from now, or when it would have anyway. */
  rotateSecret(
    caller: Caller,
    which: SecretName & { readonly overlapMs: number },
    make: MakeSecret,
    by: Change,
  ): Promise<Answered<{ readonly secret: StoredSecret; readonly replaced: StoredSecret }>>;
  revokeSecret(caller: Caller, which: SecretName, by: Change): Promise<StoredSecret>;
}

/** Which secret is meant. */
export interface SecretName {
  readonly accountId: string;
  readonly id: string;
}
