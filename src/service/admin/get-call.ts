import { ServiceError } from '../../platform/service-error.ts';
import type { PolicyStore } from '../../policies/policy-store.ts';
import type { Calls, KeptCall } from './calls.ts';
import type { Reading } from './reading.ts';

/** One call with all that is kept of it. NOT_FOUND if the organization or the call is unknown. */
export async function getCall(
  store: Pick<PolicyStore, 'getOrganization'>,
  calls: Pick<Calls, 'get'>,
  orgId: string,
  requestId: string,
  reading: Reading,
): Promise<KeptCall> {
  await store.getOrganization(orgId);
  const call = await calls.get(orgId, requestId, reading);
  if (call !== undefined) return call;
  throw new ServiceError('CALL_NOT_FOUND', `id: no call ${requestId} is kept`, {
    metadata: { request_id: requestId },
  });
}
