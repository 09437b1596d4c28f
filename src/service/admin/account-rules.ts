import { ServiceError } from '../../platform/service-error.ts';
import type { Grant } from '../auth.ts';
import { mayActFor } from '../caller.ts';
import type { Caller } from '../caller.ts';
import type { AccountRecord } from './accounts.ts';

/**
 * Whether a caller may manage an account of these grants: it administers the platform, or every organization of every
 * grant. So nobody gives or takes a role above its own.
 */
export function mayManage(caller: Caller, grants: readonly Grant[]): boolean {
  return isPlatformAdmin(caller) || grants.every((grant) => isBelow(caller, grant));
}

/**
 * Throws PERMISSION_DENIED unless a caller may give an account what it is to have. `before` is the account as it is,
 * which the caller may manage.
 */
export function requireMayDeclare(
  caller: Caller,
  account: AccountRecord,
  before: AccountRecord | undefined,
): void {
  if (isPlatformAdmin(caller)) return;
  if (account.grants.some(({ role }) => role === 'platform_admin')) {
    throw roleForbidden(caller, 'gives the role platform_admin');
  }
  if (!mayManage(caller, account.grants)) {
    throw new ServiceError('ORG_FORBIDDEN', 'a grant is not for organizations of the caller alone');
  }
  const names = (one: AccountRecord | undefined): string =>
    JSON.stringify(one?.certificateNames.toSorted() ?? []);
  if (names(account) !== names(before)) throw roleForbidden(caller, 'sets certificate names');
}

/** Whether a caller may manage every account. */
export function isPlatformAdmin({ roles }: Caller): boolean {
  return roles.includes('platform_admin');
}

function isBelow(caller: Caller, { role, orgIds }: Grant): boolean {
  if (role === 'platform_admin') return false;
  if (orgIds === undefined) return caller.orgIds === undefined;
  return [...orgIds].every((orgId) => mayActFor(caller, orgId));
}

function roleForbidden(caller: Caller, what: string): ServiceError {
  const role = caller.roles.join(', ');
  return new ServiceError('ROLE_FORBIDDEN', `only a platform_admin ${what}`, {
    metadata: { role },
  });
}
