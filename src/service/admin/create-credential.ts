import type { Credential } from '../../core/directory.ts';
import { newSecret, secretSha256 } from '../../platform/secret.ts';
import type { Change, PolicyStore, Stored } from '../../policies/policy-store.ts';

/** A credential, and its secret if this answer may show it: it is shown once, and not by a rehearsal. */
export interface NewCredential {
  readonly stored: Stored<Credential>;
  readonly secret: string | undefined;
}

/** Creates an API key or token with a new secret, of which only the hash and the last four characters are kept. */
export async function createCredential(
  store: Pick<PolicyStore, 'createCredential'>,
  orgId: string,
  declared: Credential,
  by: Change,
): Promise<NewCredential> {
  const secret = newSecret(declared.kind === 'key' ? 'key' : 'tok');
  const credential = { ...declared, lastFour: secret.slice(-4) };
  const stored = await store.createCredential(orgId, credential, secretSha256(secret), by);
  const isShown = !stored.replayed && by.validateOnly !== true;
  return { stored, secret: isShown ? secret : undefined };
}
