import { expect, test } from 'vitest';
import { secretSha256 } from '../../../src/platform/secret.ts';
import { createCredential } from '../../../src/service/admin/create-credential.ts';
import { revokeCredential } from '../../../src/service/admin/revoke-credential.ts';
import { change, key } from '../../policies/builders.ts';
import { useFreshStore } from '../../policies/fresh-store.ts';

const fresh = useFreshStore();
const create = { ...change, exists: 'create', requestId: 'make-1' } as const;

async function hashesOf(id: string): Promise<string[]> {
  const { rows } = await fresh.database.pool.query<{ hash: string }>(
    `SELECT encode(sha256, 'hex') AS hash FROM credential_secret WHERE org_id = $1 AND id = $2`,
    [fresh.org, id],
  );
  return rows.map((row) => row.hash);
}

// Seen red with an answer that always has the secret.
test('a secret is shown once: not to a repeat, and not by a rehearsal', async () => {
  const { store, org } = fresh;
  const made = (by: typeof create & { validateOnly?: boolean }) =>
    createCredential(store, org, key('k1'), by);
  expect((await made({ ...create, validateOnly: true })).secret).toBeUndefined();
  expect(await hashesOf('k1')).toEqual([]);
  const { secret = '', stored } = await made(create);
  expect(stored.record.lastFour).toBe(secret.slice(-4));
  expect(await hashesOf('k1')).toEqual([secretSha256(secret).toString('hex')]);
  expect((await made(create)).secret).toBeUndefined();
  expect(await hashesOf('k1')).toHaveLength(1);
});

test('a revoked key is answered as it is, and refused with a stale etag', async () => {
  const { store, org } = fresh;
  await createCredential(store, org, key('k1'), create);
  const revoke = (etag: string) =>
    revokeCredential(store, { orgId: org, kind: 'key', id: 'k1', etag }, change);
  const first = await revoke('1');
  expect([first.record.state, first.etag]).toEqual(['REVOKED', '2']);
  expect(await revoke('')).toEqual(first);
  await expect(revoke('1')).rejects.toMatchObject({ reason: 'ETAG_MISMATCH' });
});
