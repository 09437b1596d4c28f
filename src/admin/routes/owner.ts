import type { HandlerContext } from '@connectrpc/connect';
import { platformId } from '../../policies/policy-store.ts';
import { invalidFields } from '../../platform/service-error.ts';
import type { Caller } from '../../service/caller.ts';
import { callerForOrg, callerForPlatform } from './caller.ts';
import { readOrgId } from './changes.ts';

/** A request about the records of an organization, or of the platform if its message has that field and it is set. */
export interface OwnedRequest {
  readonly orgId: string;
  readonly platform?: boolean;
}

/** Whose records a request is about, as the store names it, and who asks. */
export interface Owner {
  readonly orgId: string;
  readonly caller: Caller;
}

/**
 * Reads whose records a request is about, and judges whether its caller may make the call for them: by the table of rights
 * for the platform, where that is meant.
 */
export function readOwner(
  { orgId, platform = false }: OwnedRequest,
  context: HandlerContext,
): Owner {
  if (!platform) {
    const id = readOrgId(orgId);
    return { orgId: id, caller: callerForOrg(context, id) };
  }
  const caller = callerForPlatform(context);
  if (orgId !== '') {
    throw invalidFields([{ field: 'org_id', description: 'must be empty with platform' }]);
  }
  return { orgId: platformId, caller };
}
