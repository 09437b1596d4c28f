import { ServiceError } from '../platform/service-error.ts';
import type { Account, Grant } from '../service/auth.ts';
import type { Caller } from '../service/caller.ts';
import type { Right } from './right.ts';

/** Callers that were made of an account: a busy account makes many calls between two look-ups. */
const made = new WeakMap<Account, Map<Right, Caller>>();

/**
 * An account as the caller of an RPC, with the organizations for which one of its roles allows that RPC. Throws
 * PERMISSION_DENIED `ROLE_FORBIDDEN` if none of its roles does.
 */
export function callerFor(account: Account, right: Right): Caller {
  const kept = made.get(account);
  const before = kept?.get(right);
  if (before !== undefined) return before;
  const caller = narrowed(account, right);
  if (kept === undefined) made.set(account, new Map([[right, caller]]));
  else kept.set(right, caller);
  return caller;
}

function narrowed({ name, grants }: Account, right: Right): Caller {
  const found = grants.filter(({ role }) => right.roles.includes(role));
  if (found.length === 0) throw forbidden(grants);
  const { roles } = right.forPlatform ?? right;
  return {
    name,
    roles: found.map(({ role }) => role),
    orgIds: organizationsOf(found),
    administeredOrgIds: organizationsOf(found.filter(({ role }) => role !== 'org_viewer')),
    isForPlatform: found.some(({ role, orgIds }) => orgIds === undefined && roles.includes(role)),
  };
}

function organizationsOf(grants: readonly Grant[]): ReadonlySet<string> | undefined {
  const ids = new Set<string>();
  for (const { orgIds } of grants) {
    if (orgIds === undefined) return undefined;
    for (const id of orgIds) ids.add(id);
  }
  return ids;
}

function forbidden(grants: readonly Grant[]): ServiceError {
  const role = grants.map((grant) => grant.role).join(', ');
  return new ServiceError('ROLE_FORBIDDEN', `not for the role ${role}`, { metadata: { role } });
}
