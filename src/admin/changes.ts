import { create } from '@bufbuild/protobuf';
import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import type { FieldMask } from '@bufbuild/protobuf/wkt';
import { invalidFields } from '../platform/service-error.ts';
import type { Change } from '../policies/policy-store.ts';
import type { Caller } from '../service/caller.ts';
import { readChangeId, readReason } from '../wire/admin-fields.ts';
import { readId } from '../wire/fields.ts';
import { collectViolations } from '../wire/violations.ts';
import type { Violations } from '../wire/violations.ts';

/** What requests that change something have in common. */
interface ChangeRequest {
  readonly reason: string;
  readonly requestId?: string | undefined;
  readonly validateOnly?: boolean;
  readonly allowMissing?: boolean;
}

/** Reads who changes, why, and on what condition. */
export function readChange(
  violations: Violations,
  caller: Caller,
  request: ChangeRequest,
  exists: Change['exists'],
  etag = '',
): Change {
  return {
    actor: caller.name,
    reason: readReason(violations, request.reason),
    requestId: readChangeId(violations, request.requestId),
    validateOnly: request.validateOnly ?? false,
    exists: exists === 'update' && request.allowMissing === true ? 'any' : exists,
    etag: etag === '' ? undefined : etag,
  };
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

/**
 * A message as an update leaves it: all of `sent` without a mask; with one, `present` with the named fields
 * (top-level, by proto name) taken from `sent`. An unknown path is FIELD_INVALID on `update_mask`.
 */
export function masked<Desc extends DescMessage>(
  desc: Desc,
  sent: MessageShape<Desc>,
  present: MessageShape<Desc>,
  mask: FieldMask,
): MessageShape<Desc> {
  const merged = create(desc);
  Object.assign(merged, present);
  for (const path of mask.paths) {
    const field = desc.fields.find((known) => known.name === path || known.localName === path);
    if (field === undefined) {
      const description = `has no field ${path}`;
      throw invalidFields([{ field: 'update_mask', description }]);
    }
    const from: Readonly<Record<string, unknown>> = { ...sent };
    Object.assign(merged, { [field.localName]: from[field.localName] });
  }
  return merged;
}
