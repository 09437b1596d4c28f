import type { Credential } from '../../core/directory.ts';
import { runChange } from './change.ts';
import type { StoreParts } from './change.ts';
import type { Change, CreatedCredential, PolicyStore } from '../policy-store.ts';
import { recordRequest, writeRecord } from './records.ts';

/** Credentials of the store: records with a secret, of which only the hash is kept. */
export function storedCredentials(parts: StoreParts): Pick<PolicyStore, 'createCredential'> {
  return {
    createCredential: (orgId, credential, secretSha256, by) =>
      create(parts, orgId, credential, secretSha256, { ...by, exists: 'create' }),
  };
}

/**
 * A repeat is known by everything but the secret, which is a new one at every attempt: the answer to it
 * says that the first one's secret is the one that counts.
 */
async function create(
  parts: StoreParts,
  orgId: string,
  credential: Credential,
  secretSha256: Buffer,
  by: Change,
): Promise<CreatedCredential> {
  const { kind, lastFour: _secret, ...content } = credential;
  const request = recordRequest(orgId, kind, by, [`create ${kind}`, content]);
  const { result, replayed } = await runChange(parts, request, async (locked) => {
    const done = await writeRecord(locked, kind, credential);
    const { rowCount } = await locked.client.query(
      `INSERT INTO credential_secret (sha256, org_id, kind, id) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING`,
      [secretSha256, orgId, kind, credential.id],
    );
    // 256 random bits: it cannot happen, and then nothing must be created.
    if (rowCount === 0) throw new Error('a new secret is that of another credential');
    return { ...done, secretShown: true };
  });
  return { ...result, replayed };
}
