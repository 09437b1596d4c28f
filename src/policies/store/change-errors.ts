import { ServiceError } from '../../platform/service-error.ts';
import { absentEtag } from '../policy-store.ts';
import type { Change } from '../policy-store.ts';

/** What of a thing decides whether a change of it may go on. */
export interface Versioned {
  readonly etag: string;
}

/** Refuses a change whose condition on the present state does not hold; `noun` as in `TEAM`. */
export function requireCondition(
  by: Change,
  present: Versioned | undefined,
  noun: string,
  name: string,
): void {
  if (by.exists === 'create' && present !== undefined) throw alreadyExists(noun, name);
  if (by.exists === 'update' && present === undefined) throw notFound(noun, name);
  const etag = present?.etag ?? absentEtag;
  if (by.etag !== undefined && by.etag !== '' && by.etag !== etag) {
    throw new ServiceError(
      'ABORTED',
      'ETAG_MISMATCH',
      `${name}: it has changed since; its etag is ${etag}`,
    );
  }
}

/** NOT_FOUND, with `TEAM_NOT_FOUND` and the like as its reason. */
export function notFound(noun: string, name: string): ServiceError {
  return new ServiceError('NOT_FOUND', `${noun}_NOT_FOUND`, `${name}: not found`);
}

/** ALREADY_EXISTS, with `TEAM_EXISTS` and the like as its reason. */
export function alreadyExists(noun: string, name: string): ServiceError {
  return new ServiceError('ALREADY_EXISTS', `${noun}_EXISTS`, `${name}: exists already`);
}
