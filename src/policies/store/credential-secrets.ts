import type { Pool } from 'pg';
import { storeFailure } from '../../db/errors.ts';
import type { FoundCredential } from '../policies.ts';

interface SecretRow extends Omit<FoundCredential, 'orgId'> {
  readonly hex: string;
  readonly org_id: string;
}

const secretColumns = `encode(sha256, 'hex') AS hex, org_id, kind, id`;

function foundCredential({ org_id: orgId, kind, id }: SecretRow): FoundCredential {
  return { orgId, kind, id };
}

/** Looks up which credential a secret belongs to, by its SHA-256 in hexadecimal digits. */
export async function readCredential(
  pool: Pool,
  hash: string,
): Promise<FoundCredential | undefined> {
  try {
    const text = `SELECT ${secretColumns} FROM credential_secret WHERE sha256 = $1`;
    const { rows } = await pool.query<SecretRow>(text, [Buffer.from(hash, 'hex')]);
    return rows[0] && foundCredential(rows[0]);
  } catch (cause) {
    throw storeFailure(cause);
  }
}

/** Looks up which credentials secrets belong to, by their SHA-256 in hexadecimal digits. */
export async function readCredentials(
  pool: Pool,
  hashes: readonly string[],
): Promise<ReadonlyMap<string, FoundCredential>> {
  try {
    const { rows } = await pool.query<SecretRow>(
      `SELECT ${secretColumns} FROM credential_secret WHERE sha256 = ANY($1::bytea[])`,
      [hashes.map((hash) => Buffer.from(hash, 'hex'))],
    );
    return new Map(rows.map((row) => [row.hex, foundCredential(row)]));
  } catch (cause) {
    throw storeFailure(cause);
  }
}
