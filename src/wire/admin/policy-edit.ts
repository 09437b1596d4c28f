import { create } from '@bufbuild/protobuf';
import type { FieldMask } from '@bufbuild/protobuf/wkt';
import { PolicySchema } from '../../../gen/tollgate/admin/v1/policies_pb.ts';
import type * as messages from '../../../gen/tollgate/admin/v1/policies_pb.ts';
import type { PolicyEdit, PolicyRevision } from '../../policies/policy-changes.ts';
import { invalidFields } from '../../platform/service-error.ts';
import { collectViolations } from '../violations.ts';
import type { Violations } from '../violations.ts';
import { policyFromMessage, readSubject } from './policies.ts';
import { policyRevisionToMessage } from './policy-revisions.ts';
import { faultsOfUpdated, readUpdateMask, updatedMessage } from './update-mask.ts';
import type { Updated } from './update-mask.ts';

/** A policy as it was sent, and which of its fields an update takes. */
export interface SentPolicy {
  readonly policy?: messages.Policy | undefined;
  readonly updateMask?: FieldMask | undefined;
}

/**
 * Reads an update of a policy. What is wrong with what is sent is found at once; what is wrong with it together with
 * what is kept of the policy, when it is edited. `at` is the field of the policy, followed by a dot in those of its parts.
 */
export function policyEditFromMessage(
  violations: Violations,
  at: string,
  { policy: sent, updateMask }: SentPolicy,
): PolicyEdit {
  if (sent === undefined) throw invalidFields([{ field: at, description: 'is required' }]);
  const maskField = at.replace(/policy$/, 'update_mask');
  const updated = readUpdateMask(PolicySchema, sent, updateMask, maskField);
  const faults = faultsOfUpdated(violations, at, updated);
  const { subject } = policyFromMessage(faults, sent, at);
  return {
    subject,
    field: `${at}.subject`,
    etag: sent.etag,
    content: undefined,
    edit: (present) => ({ policy: editedPolicy(at, sent, present, updated) }),
  };
}

/** Reads a copy of a policy to another subject, which `field` names. Its etag is not compared. */
export function policyCopyFromMessage(
  violations: Violations,
  field: string,
  text: string,
  source: PolicyRevision,
  updated: Updated,
): PolicyEdit {
  const subject = readSubject(violations, field, text);
  const { policy = create(PolicySchema) } = policyRevisionToMessage(source);
  const { subject: from, revision } = source.policy;
  return {
    subject,
    field,
    content: undefined,
    edit(present) {
      const copied = { ...policy, subject: text };
      const faults = collectViolations();
      const origin = { copied: { subject: from, revision } };
      const found: Violations = {
        add: (part, description) => faults.add(field, `${part.slice(1)} ${description}`),
        throwIfAny: () => faults.throwIfAny(),
      };
      const kept = present ?? emptyRevision(subject);
      const full = fullPolicy(copied, kept, updated);
      const edited = policyFromMessage(found, full, '');
      found.throwIfAny();
      return { policy: edited, origin };
    },
  };
}

function editedPolicy(
  at: string,
  sent: messages.Policy,
  present: PolicyRevision | undefined,
  updated: Updated,
) {
  const violations = collectViolations();
  const full = present === undefined ? sent : fullPolicy(sent, present, updated);
  const policy = policyFromMessage(violations, full, at);
  violations.throwIfAny();
  return policy;
}

function fullPolicy(
  sent: messages.Policy,
  present: PolicyRevision,
  updated: Updated,
): messages.Policy {
  const { policy: kept = sent } = policyRevisionToMessage(present);
  return updatedMessage(PolicySchema, sent, kept, updated);
}

function emptyRevision(subject: PolicyRevision['policy']['subject']): PolicyRevision {
  const nothing = { limits: [], access: undefined, bypass: undefined, notes: '' };
  const policy = { ...nothing, subject, revision: 0 };
  return { policy, etag: '0', reason: '', actor: '', atMs: 0, origin: {}, deleted: true };
}
