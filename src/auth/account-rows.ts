import type { PoolClient } from 'pg';
import type { Grant } from '../service/auth.ts';
import type { Role } from '../service/caller.ts';
import type { AccountRecord, StoredAccount, StoredSecret } from '../service/admin/accounts.ts';

/** A grant as it is stored; without organizations it holds for every one. */
export interface GrantDoc {
  readonly role: Role;
  readonly orgIds?: readonly string[];
}

/** Writes grants for the database and the audit trail. */
export function grantDocs(grants: readonly Grant[]): readonly GrantDoc[] {
  return grants.map(({ role, orgIds }) =>
    orgIds === undefined ? { role } : { role, orgIds: [...orgIds] },
  );
}

/** Reads grants. */
export function grantsOf(docs: readonly GrantDoc[]): readonly Grant[] {
  return docs.map(({ role, orgIds }) => ({
    role,
    orgIds: orgIds === undefined ? undefined : new Set(orgIds),
  }));
}

/** A row of `account`, with the names of its certificates. */
export interface AccountRow {
  readonly account_id: string;
  readonly display_name: string;
  readonly kind: AccountRecord['kind'];
  readonly grants: readonly GrantDoc[];
  readonly certificate_names: readonly string[];
  readonly state: AccountRecord['state'];
  readonly version: string;
  readonly created_at: Date;
  readonly updated_at: Date;
}

/** The columns of an `AccountRow`, of a table `a`. */
export const accountColumns = `a.account_id, a.display_name, a.kind, a.grants, a.state, a.version,
  a.created_at, a.updated_at, ARRAY(SELECT c.name FROM account_certificate c
    WHERE c.account_id = a.account_id ORDER BY c.name) AS certificate_names`;

/** Reads an account. */
export function accountOf(row: AccountRow): StoredAccount {
  return {
    record: {
      id: row.account_id,
      displayName: row.display_name,
      kind: row.kind,
      grants: grantsOf(row.grants),
      certificateNames: row.certificate_names,
      state: row.state,
    },
    etag: row.version,
    createdAtMs: row.created_at.getTime(),
    updatedAtMs: row.updated_at.getTime(),
  };
}

/** An account in a form that JSON keeps. */
export interface AccountDoc extends Omit<StoredAccount, 'record'> {
  readonly record: Omit<AccountRecord, 'grants'> & { readonly grants: readonly GrantDoc[] };
}

/** Writes an account for repeats. */
export function docOfAccount({ record, ...stored }: StoredAccount): AccountDoc {
  return { ...stored, record: { ...record, grants: grantDocs(record.grants) } };
}

/** Reads one that was kept for repeats. */
export function accountOfDoc({ record, ...stored }: AccountDoc): StoredAccount {
  return { ...stored, record: { ...record, grants: grantsOf(record.grants) } };
}

/** An account as the audit trail has it. */
export function accountDoc({ grants, ...record }: AccountRecord): object {
  return { ...record, grants: grantDocs(grants) };
}

/** A row of `account_secret`, without its hash. */
export interface SecretRow {
  readonly account_id: string;
  readonly secret_id: number;
  readonly last_four: string;
  readonly created_at: Date;
  readonly expires_at: Date | null;
  readonly revoked_at: Date | null;
  readonly replaced_by: number | null;
  readonly last_used_at: Date | null;
  readonly version: string;
  /** Whether it lets anybody in, by the database's clock. */
  readonly is_valid: boolean;
}

/** What a secret must be to let anybody in; of a table `s`. */
export const isValidSecret = `s.revoked_at IS NULL AND (s.expires_at IS NULL OR s.expires_at > now())`;

/** The columns of a `SecretRow`, of a table `s`. */
export const secretColumns = `s.account_id, s.secret_id, s.last_four, s.created_at, s.expires_at, s.revoked_at,
  s.replaced_by, s.last_used_at, s.version, (${isValidSecret}) AS is_valid`;

/** Reads a secret. */
export function secretOf(row: SecretRow): StoredSecret {
  return {
    accountId: row.account_id,
    id: String(row.secret_id),
    lastFour: row.last_four,
    expiresAtMs: row.expires_at?.getTime(),
    revokedAtMs: row.revoked_at?.getTime(),
    replacedBy: row.replaced_by === null ? undefined : String(row.replaced_by),
    lastUsedAtMs: row.last_used_at?.getTime(),
    etag: row.version,
    createdAtMs: row.created_at.getTime(),
  };
}

/** A secret as the audit trail has it: what changes with its use is left out. */
export function secretDoc({ lastUsedAtMs: _use, etag: _etag, ...secret }: StoredSecret): object {
  return secret;
}

/** Reads one account; undefined if there is none. */
export async function readAccount(
  client: Pick<PoolClient, 'query'>,
  id: string,
): Promise<StoredAccount | undefined> {
  const { rows } = await client.query<AccountRow>(
    `SELECT ${accountColumns} FROM account a WHERE a.account_id = $1`,
    [id],
  );
  return rows.map(accountOf)[0];
}
