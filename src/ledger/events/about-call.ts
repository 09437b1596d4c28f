import type { KnownCall } from '../calls/known-call.ts';
import { baseNames } from '../calls/subjects.ts';
import type { EventRecord } from './event-record.ts';

/** What an event says of the call that caused it. */
export function aboutCall(
  call: KnownCall,
  { nowMs }: { readonly nowMs: number },
): Omit<EventRecord, 'action' | 'sum' | 'limit'> {
  return {
    orgId: call.orgId,
    atMs: nowMs,
    requestId: call.requestId,
    subjects: baseNames(call.path),
    user: call.path.user,
    target: call.target.name,
  };
}
