import type { HandlerContext } from '@connectrpc/connect';
import { ServiceError } from '../../platform/service-error.ts';
import { mayActFor } from '../../service/caller.ts';
import type { Caller } from '../../service/caller.ts';
import { callOf } from '../http/call.ts';

/**
 * Who makes a call. Its role was judged by the table of rights before the message was read; for which organizations it
 * may make the call, is still to be judged.
 */
export function callerOf(context: HandlerContext): Caller {
  const { caller } = callOf(context.values);
  if (caller === undefined) throw new Error('a call reached its handler without a caller');
  return caller;
}

/** Who makes a call for an organization. Throws PERMISSION_DENIED `ORG_FORBIDDEN` if it may not for that one. */
export function callerForOrg(context: HandlerContext, orgId: string): Caller {
  return requireOrg(callerOf(context), orgId);
}

function requireOrg(caller: Caller, orgId: string): Caller {
  if (mayActFor(caller, orgId)) return caller;
  throw new ServiceError('ORG_FORBIDDEN', 'not an administrator of this organization');
}

/** Rejects as `callerForOrg`, or as a call without a valid secret, if the caller would not be let in now. */
export async function assertStillForOrg(context: HandlerContext, orgId: string): Promise<void> {
  const { callerAgain } = callOf(context.values);
  if (callerAgain === undefined) throw new Error('only streams ask again who calls');
  requireOrg(await callerAgain(), orgId);
}

/** Who makes a call for the platform, without an organization. Throws PERMISSION_DENIED `ROLE_FORBIDDEN` if it may not. */
export function callerForPlatform(context: HandlerContext): Caller {
  const caller = callerOf(context);
  if (caller.isForPlatform) return caller;
  const role = caller.roles.join(', ');
  throw new ServiceError('ROLE_FORBIDDEN', `not for the role ${role}`, { metadata: { role } });
}

/** Until when the caller of a request waits for what is read. */
export function readLimits(context: HandlerContext): {
  readonly deadlineMs: number;
  readonly cancelled: AbortSignal;
} {
  return { deadlineMs: callOf(context.values).deadlineMs, cancelled: context.signal };
}
