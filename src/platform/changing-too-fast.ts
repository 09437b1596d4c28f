import { ServiceError } from './service-error.ts';

/** STORE_BUSY: policies changed again each time that they were read. Nobody is at fault, and a retry can help. */
export function changingTooFast(message: string): ServiceError {
  return new ServiceError('STORE_BUSY', message, { retryAfterMs: 100 });
}
