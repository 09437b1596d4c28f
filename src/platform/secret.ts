import { hash, randomBytes } from 'node:crypto';

/** What a secret is for, readable at its head so that scanners find leaks. */
export type SecretKind = 'admin' | 'gateway' | 'key' | 'tok';

/** Makes a secret of 256 random bits, `tg_key_…`. It is shown once and kept only as its SHA-256. */
export function newSecret(kind: SecretKind): string {
  return `tg_${kind}_${randomBytes(32).toString('base64url')}`;
}

/** What is kept of a secret. One round suffices: 256 random bits cannot be guessed from it. */
export function secretSha256(secret: string): Buffer {
  return hash('sha256', secret, 'buffer');
}
