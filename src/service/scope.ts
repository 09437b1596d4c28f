import type { NamedSubjects, PresentedCredential } from '../core/call.ts';
import type { OrganizationView } from '../core/organization-view.ts';
import { secretSha256 } from '../platform/secret.ts';
import { ServiceError, invalidFields } from '../platform/service-error.ts';
import type { Policies, ViewNeed } from '../policies/policies.ts';
import { mayActFor } from './caller.ts';
import type { Caller } from './caller.ts';

/** Which organization a call belongs to, and what its secret was found to be. */
export interface Scope {
  readonly orgId: string;
  readonly credential: PresentedCredential | undefined;
}

/** An unknown secret in a call that names no organization: nothing can be decided. */
export const unknownEverywhere = Symbol('unknown credential, no organization');

/**
 * Finds the organization of a call: the one named, or that of its credential. Fails with FIELD_INVALID if
 * there is neither, with PERMISSION_DENIED if the caller may not act for it. A credential of another
 * organization than the one named is unknown there.
 */
export async function findScope(
  policies: Policies,
  caller: Caller,
  orgId: string | undefined,
  secret: string | undefined,
): Promise<Scope | typeof unknownEverywhere> {
  if (orgId !== undefined) assertMayActFor(caller, orgId);
  if (secret === undefined) {
    if (orgId !== undefined) return { orgId, credential: undefined };
    const description = 'expected an organization, or a credential that names one';
    throw invalidFields([{ field: 'org_id', description }]);
  }
  const requestedBy = orgId === undefined ? `caller ${caller.name}` : `org ${orgId}`;
  const found = await policies.credential(secretSha256(secret), requestedBy);
  if (orgId !== undefined) {
    const isOfOrg = found?.orgId === orgId;
    return { orgId, credential: isOfOrg ? { kind: found.kind, id: found.id } : 'UNKNOWN' };
  }
  if (found === undefined) return unknownEverywhere;
  assertMayActFor(caller, found.orgId);
  return { orgId: found.orgId, credential: { kind: found.kind, id: found.id } };
}

/** The view for a scope, or NOT_FOUND `ORGANIZATION_NOT_FOUND`. */
export function viewOf(
  policies: Policies,
  orgId: string,
  need: ViewNeed,
  atLeastEpoch = 0,
): OrganizationView | Promise<OrganizationView> {
  const view = policies.view(orgId, need, atLeastEpoch);
  if (view instanceof Promise) return view.then((found) => existing(found, orgId));
  return existing(view, orgId);
}

/** What a call without any named subject needs. */
export const noSubjects: NamedSubjects = {
  teams: [],
  user: undefined,
  tier: undefined,
  key: undefined,
  principal: undefined,
  app: undefined,
  customer: undefined,
  labels: new Map(),
};

/** PERMISSION_DENIED `ORG_FORBIDDEN` if the caller may not act for the organization. */
export function assertMayActFor(caller: Caller, orgId: string): void {
  if (mayActFor(caller, orgId)) return;
  throw new ServiceError('ORG_FORBIDDEN', 'not a caller of this organization');
}

function existing(view: OrganizationView | undefined, orgId: string): OrganizationView {
  if (view !== undefined) return view;
  throw new ServiceError('ORGANIZATION_NOT_FOUND', `org_id: no organization ${orgId} is known`, {
    metadata: { name: orgId },
  });
}
