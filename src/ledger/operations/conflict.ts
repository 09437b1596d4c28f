import { ServiceError } from '../../platform/service-error.ts';
import type { Content } from '../ledger.ts';

/**
 * Fails with REQUEST_ID_CONFLICT, naming the first field that differs, when a repeat carries another
 * content than the first; `first` undefined means that the id named another kind of call.
 */
export function assertSameContent(first: Content | undefined, repeat: Content): void {
  if (first === undefined) throw conflict('request_id', 'names a call of another kind');
  const fields = [...Object.keys(first), ...Object.keys(repeat)];
  const field = fields.find((name) => first[name] !== repeat[name]);
  if (field !== undefined)
    throw conflict(field, 'differs from the first request of this request_id');
}

/** A Report of a call that its Check has settled: there is nothing left to report. */
export function settledByCheck(): ServiceError {
  return conflict('settle_now', 'the call was settled by its Check, and takes no Report');
}

function conflict(field: string, description: string): ServiceError {
  return new ServiceError('REQUEST_ID_CONFLICT', `${field}: ${description}`, {
    violations: [{ field, description }],
    metadata: { field },
  });
}
