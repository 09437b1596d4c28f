import { ServiceError } from '../../platform/service-error.ts';
import type { Access, Account } from '../../service/auth.ts';
import { asServiceError } from '../../wire/status.ts';
import type { Admission } from './admission.ts';

const bearer = /^Bearer +([\x21-\x7e]{1,512}) *$/i;

/** Where a call says who makes it. */
export interface Presented {
  readonly authorization: string | undefined;
  /** The name in the client's verified certificate. */
  readonly certificateName: string | undefined;
}

/**
 * Who calls: by `authorization: Bearer <admin secret>` or, without that header, by the client certificate. Tells
 * the admission. Fails with UNAUTHENTICATED, or as `Access` does.
 */
export async function authenticate(
  access: Access,
  presented: Presented,
  admission: Admission,
): Promise<Account> {
  try {
    const account = await look(access, presented, admission.peer);
    if (account === undefined) throw invalid();
    admission.known();
    return account;
  } catch (cause) {
    const { kind, reason } = asServiceError(cause);
    if (reason === 'ADMIN_SECRET_INVALID') admission.failed();
    else admission.refused(kind === 'UNAVAILABLE');
    throw cause;
  }
}

function look(
  access: Access,
  { authorization, certificateName }: Presented,
  peer: string,
): ReturnType<Access['identify']> {
  if (authorization !== undefined) {
    const secret = bearer.exec(authorization)?.[1];
    return secret === undefined ? undefined : access.authenticate(secret, 'admin', peer);
  }
  if (certificateName !== undefined) return access.identify(certificateName, 'admin', peer);
  const expected = 'expected authorization: Bearer <admin secret>';
  throw new ServiceError('ADMIN_SECRET_MISSING', expected);
}

function invalid(): ServiceError {
  const message = 'the admin secret or client certificate is not known here';
  return new ServiceError('ADMIN_SECRET_INVALID', message);
}
