import { newSecret, secretSha256 } from '../../platform/secret.ts';
import type { Change } from '../../policies/policy-store.ts';
import type { Grant } from '../auth.ts';
import { isOfDataPlane } from '../caller.ts';
import type { MakeSecret, NewAccountSecret } from './accounts.ts';

/** A secret that may be made and then shown once. */
export interface AccountSecretInHand {
  readonly make: MakeSecret;
  /** The secret, if this answer may show it; empty for a repeat and a rehearsal. */
  readonly shown: (made: { readonly replayed: boolean }, by: Change) => string;
}

/** Makes the secret of an account when the store asks for it: what it is called depends on the account. */
export function makeAccountSecret(expiresAtMs: number | undefined): AccountSecretInHand {
  let secret = '';
  return {
    make(grants: readonly Grant[]): NewAccountSecret {
      const isOfGateway = grants.some(({ role }) => isOfDataPlane(role));
      secret = newSecret(isOfGateway ? 'gateway' : 'admin');
      return { sha256: secretSha256(secret), lastFour: secret.slice(-4), expiresAtMs };
    },
    shown: ({ replayed }, { validateOnly }) => (replayed || validateOnly === true ? '' : secret),
  };
}
