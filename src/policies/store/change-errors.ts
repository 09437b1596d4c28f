import type { ErrorReason } from '../../platform/error-reasons.ts';
import { ServiceError } from '../../platform/service-error.ts';
import { absentEtag } from '../policy-store.ts';
import type { Change, RecordKind } from '../policy-store.ts';

/** What of a thing decides whether a change of it may go on. */
export interface Versioned {
  readonly etag: string;
}

/** Refuses a change whose condition on the present state does not hold of a record. */
export function requireCondition(
  by: Change,
  present: Versioned | undefined,
  kind: RecordKind,
  name: string,
): void {
  if (by.exists === 'create' && present !== undefined) {
    throw alreadyExists(`${nouns[kind]}_EXISTS`, name);
  }
  if (by.exists === 'update' && present === undefined) throw recordNotFound(kind, name);
  requireEtag(by, present, name);
}

/** ABORTED `ETAG_MISMATCH` if a change names another etag than the present one, which the error carries. */
export function requireEtag(by: Change, present: Versioned | undefined, name: string): void {
  const etag = present?.etag ?? absentEtag;
  if (by.etag === undefined || by.etag === '' || by.etag === etag) return;
  const message = `${name}: it has changed since; its etag is ${etag}`;
  throw new ServiceError('ETAG_MISMATCH', message, { metadata: { name, etag } });
}

/** Kinds of records, as the names of reasons call them. */
const nouns = {
  team: 'TEAM',
  user: 'USER',
  principal: 'PRINCIPAL',
  app: 'APP',
  customer: 'CUSTOMER',
  key: 'KEY',
  token: 'TOKEN',
  model: 'MODEL',
  route_group: 'ROUTE_GROUP',
  model_group: 'MODEL_GROUP',
} as const satisfies Readonly<Record<RecordKind, string>>;

/** NOT_FOUND: there is no record of this kind and name. */
export function recordNotFound(kind: RecordKind, name: string): ServiceError {
  return notFound(`${nouns[kind]}_NOT_FOUND`, name);
}

/** NOT_FOUND: something of this name is not there. */
export function notFound(
  reason: Exclude<Extract<ErrorReason, `${string}_NOT_FOUND`>, 'CALL_NOT_FOUND'>,
  name: string,
): ServiceError {
  return new ServiceError(reason, `${name}: not found`, { metadata: { name } });
}

/** ALREADY_EXISTS: the name is taken. */
export function alreadyExists(
  reason: Extract<ErrorReason, `${string}_EXISTS`>,
  name: string,
): ServiceError {
  return new ServiceError(reason, `${name}: exists already`, { metadata: { name } });
}
