import { create } from '@bufbuild/protobuf';
import { FieldMaskSchema } from '@bufbuild/protobuf/wkt';
import type * as messages from '../../../gen/tollgate/admin/v1/policies_pb.ts';
import { PolicySchema } from '../../../gen/tollgate/admin/v1/policies_pb.ts';
import { subjectText } from '../../core/subject.ts';
import type { Subject } from '../../core/subject.ts';
import type { PolicyEdit, PolicyRevision } from '../../policies/policy-changes.ts';
import type { RevisionsToCompare } from '../../service/admin/get-policy-diff.ts';
import type { Rollback } from '../../service/admin/rollback-policy.ts';
import type { Violations } from '../violations.ts';
import { isTooLong } from './fields.ts';
import { readSubject } from './policies.ts';
import { policyCopyFromMessage, policyEditFromMessage } from './policy-edit.ts';
import { readUpdateMask } from './update-mask.ts';
import type { Updated } from './update-mask.ts';

const maxPolicies = 1000;
const maxRevision = 2_147_483_647n;

/** Reads the policies of a batch. */
export function policyUpdatesFromMessage(
  violations: Violations,
  { updates }: messages.BatchUpdatePoliciesRequest,
): readonly PolicyEdit[] {
  if (updates.length === 0) violations.add('updates', 'must name at least one policy');
  if (isTooLong(violations, 'updates', updates, maxPolicies)) return [];
  const edits = updates.map((sent, index) =>
    policyEditFromMessage(violations, `updates[${index}].policy`, sent),
  );
  refuseRepeated(violations, edits);
  return edits;
}

/** Which revision is copied. */
export interface CopySource {
  readonly subject: Subject;
  readonly revision: number | undefined;
  /** What of it. */
  readonly updated: Updated;
}

/** Reads what is copied, and refuses what is wrong with the subjects that it is copied to. */
export function copySourceFromMessage(
  violations: Violations,
  { subject: text, revision, toSubjects, updateMask }: messages.CopyPolicyRequest,
): CopySource {
  if (toSubjects.length === 0) violations.add('to_subjects', 'must name at least one subject');
  const subject = readSubject(violations, 'subject', text);
  const number = readRevision(violations, 'revision', revision);
  const mask = updateMask?.paths.length ? updateMask : create(FieldMaskSchema, { paths: ['*'] });
  const updated = readUpdateMask(PolicySchema, create(PolicySchema), mask);
  const source = { subject, revision: number, updated };
  if (isTooLong(violations, 'to_subjects', toSubjects, maxPolicies)) return source;
  const seen = new Set([subjectText(subject)]);
  for (const [index, to] of toSubjects.entries()) {
    readSubject(violations, `to_subjects[${index}]`, to);
    if (seen.has(to))
      violations.add(`to_subjects[${index}]`, 'stands there twice, or is the source');
    seen.add(to);
  }
  return source;
}

/** Reads the copies of a policy to other subjects. */
export function policyCopiesFromMessage(
  violations: Violations,
  { toSubjects }: messages.CopyPolicyRequest,
  source: PolicyRevision,
  updated: Updated,
): readonly PolicyEdit[] {
  return toSubjects.map((to, index) =>
    policyCopyFromMessage(violations, `to_subjects[${index}]`, to, source, updated),
  );
}

/** Reads which revision is restored. */
export function rollbackFromMessage(
  violations: Violations,
  request: messages.RollbackPolicyRequest,
): Rollback {
  const subject = readSubject(violations, 'subject', request.subject);
  const revision = readRevision(violations, 'revision', request.revision) ?? 0;
  return { subject, revision, etag: request.etag };
}

/** Reads which revisions are compared. */
export function comparedFromMessage(
  violations: Violations,
  request: messages.GetPolicyDiffRequest,
): RevisionsToCompare {
  const subject = readSubject(violations, 'subject', request.subject);
  const isNothing = request.fromRevision === 0n;
  const from = isNothing ? 0 : readRevision(violations, 'from_revision', request.fromRevision);
  return { subject, from, to: readRevision(violations, 'to_revision', request.toRevision) };
}

/** Reads the number of a revision. */
export function readRevision(
  violations: Violations,
  field: string,
  revision: bigint | undefined,
): number | undefined {
  if (revision === undefined) return undefined;
  if (revision < 1n || revision > maxRevision) violations.add(field, 'must be 1 to 2^31-1');
  return Number(revision);
}

function refuseRepeated(violations: Violations, edits: readonly PolicyEdit[]): void {
  const seen = new Set<string>();
  for (const { subject, field } of edits) {
    const text = subjectText(subject);
    if (seen.has(text)) violations.add(field, 'stands there twice');
    seen.add(text);
  }
}
