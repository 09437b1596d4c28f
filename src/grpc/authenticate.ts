import type { PeerCertificate } from 'node:tls';
import { certificateName } from '../platform/certificate-name.ts';
import { ServiceError } from '../platform/service-error.ts';
import type { Access, Account } from '../service/auth.ts';

const bearer = /^Bearer +([\x21-\x7e]+) *$/i;

/** Where a call says who makes it. */
export interface Presented {
  readonly authorization: string | undefined;
  /** The client's verified certificate. */
  readonly certificate: () => PeerCertificate | undefined;
  /** Where the call comes from, for its share of look-ups; undefined: it was let in before. */
  readonly peer?: string;
}

/**
 * Who calls: by `authorization: Bearer <service token>`, else by the verified client certificate.
 * Fails with UNAUTHENTICATED, or as `Access` does.
 */
export function authenticate(access: Access, presented: Presented): Promise<Account> | Account {
  const found = look(access, presented);
  return found instanceof Promise ? found.then(known) : known(found);
}

function look(access: Access, presented: Presented): ReturnType<Access['identify']> {
  const { authorization, peer } = presented;
  if (authorization !== undefined) {
    const secret = bearer.exec(authorization)?.[1];
    return secret === undefined ? undefined : access.authenticate(secret, 'data', peer);
  }
  const name = certificateName(presented.certificate());
  if (name !== undefined) return access.identify(name, 'data', peer);
  throw new ServiceError(
    'SERVICE_TOKEN_MISSING',
    'expected the metadata authorization: Bearer <service token>',
  );
}

function known(account: Account | undefined): Account {
  if (account !== undefined) return account;
  const message = 'the service token or client certificate is not known here';
  throw new ServiceError('SERVICE_TOKEN_INVALID', message);
}
