import { create, toBinary } from '@bufbuild/protobuf';
import type { Message } from '@bufbuild/protobuf';
import type { HandlerContext } from '@connectrpc/connect';
import { invalidFields, ServiceError } from '../../platform/service-error.ts';
import type { Change } from '../../policies/policy-store.ts';
import { readChangeId, readReason } from '../../wire/admin/fields.ts';
import { readId } from '../../wire/fields.ts';
import { collectViolations } from '../../wire/violations.ts';
import type { Violations } from '../../wire/violations.ts';
import { callOf } from '../http/call.ts';
import { callerOf } from './caller.ts';

/** What requests that change something have in common. */
export interface ChangeRequest extends Message {
  readonly reason: string;
  readonly requestId?: string | undefined;
  readonly validateOnly: boolean;
  readonly allowMissing?: boolean;
}

/** Reads who changes, why, and on what condition. */
export function readChange(
  violations: Violations,
  context: HandlerContext,
  request: ChangeRequest,
  exists: Change['exists'],
  etag = '',
): Change {
  const { reason, requestId, validateOnly, allowMissing = false } = request;
  const { rpc, address } = callOf(context.values);
  return {
    actor: callerOf(context).name,
    rpc,
    peer: address,
    reason: readReason(violations, reason),
    requestId: readChangeId(violations, requestId),
    validateOnly,
    exists: exists === 'update' && allowMissing ? 'any' : exists,
    etag: etag === '' ? undefined : etag,
    requested: requestId === undefined ? undefined : requestText(context, request),
  };
}

/** All that a request says, in one form; its type distinguishes two requests with equal fields. */
function requestText({ method }: HandlerContext, request: ChangeRequest): string {
  const said = create(method.input);
  Object.assign(said, request, { validateOnly: false });
  const bytes = Buffer.from(toBinary(method.input, said));
  return `${method.input.typeName} ${bytes.toString('base64')}`;
}

/** Reads an organization's id on its own, so that permission is judged before anything else is. */
export function readOrgId(orgId: string, field = 'org_id'): string {
  const violations = collectViolations();
  readId(violations, field, orgId);
  violations.throwIfAny();
  return orgId;
}

/** The message that must be there. */
export function required<T>(message: T | undefined, field: string): T {
  if (message !== undefined) return message;
  throw invalidFields([{ field, description: 'is required' }]);
}

/** What the store finds wrong with a message, such as a team that is not there, as faults of the request. */
export async function inField<T>(field: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    if (!(cause instanceof ServiceError) || cause.kind !== 'INVALID_ARGUMENT') throw cause;
    const found = cause.violations;
    throw invalidFields(found.map((one) => ({ ...one, field: `${field}.${one.field}` })));
  }
}

/** What is there, or undefined if nothing is. */
export async function presentOrNone<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read;
  } catch (cause) {
    if (cause instanceof ServiceError && cause.kind === 'NOT_FOUND') return undefined;
    throw cause;
  }
}
