import type { HandlerContext } from '@connectrpc/connect';
import { ServiceError } from '../../platform/service-error.ts';
import { mayActFor } from '../../service/caller.ts';
import type { Caller } from '../../service/caller.ts';
import { callOf } from '../http/call.ts';
import { requireRole } from '../http/least-role.ts';
import type { Intent } from '../http/least-role.ts';

/** The caller, if it may do what it wants; PERMISSION_DENIED `ROLE_FORBIDDEN` or `ORG_FORBIDDEN` if not. */
export function authorize(context: HandlerContext, intent: Intent, orgId?: string): Caller {
  const { caller } = callOf(context.values);
  if (caller === undefined) throw new Error('a call reached its handler without a caller');
  requireRole(caller, intent);
  if (orgId !== undefined && !mayActFor(caller, orgId)) {
    const message = 'not an administrator of this organization';
    throw new ServiceError('PERMISSION_DENIED', 'ORG_FORBIDDEN', message);
  }
  return caller;
}
