import type { HandlerContext } from '@connectrpc/connect';
import { authorize as authorizeCaller } from '../../service/admin/authorize.ts';
import type { Intent } from '../../service/admin/authorize.ts';
import type { Caller } from '../../service/caller.ts';
import { callOf } from '../http/call.ts';

/** The caller of a request, if it may do what it wants. Throws as `authorize` of the service does. */
export function authorize(context: HandlerContext, intent: Intent, orgId?: string): Caller {
  const { caller } = callOf(context.values);
  if (caller === undefined) throw new Error('a call reached its handler without a caller');
  authorizeCaller(caller, intent, orgId);
  return caller;
}
