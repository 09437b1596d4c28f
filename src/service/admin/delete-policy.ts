import { subjectText } from '../../core/subject.ts';
import type { Subject } from '../../core/subject.ts';
import { ServiceError } from '../../platform/service-error.ts';
import type { PolicyEdit } from '../../policies/policy-changes.ts';

/** Deletes what is declared on a subject; NOT_FOUND `POLICY_NOT_FOUND` if nothing is. */
export function policyDeletion(subject: Subject, etag: string): PolicyEdit {
  return {
    subject,
    field: 'subject',
    etag,
    content: ['delete'],
    edit(present) {
      if (present !== undefined) {
        const nothing = { limits: [], access: undefined, bypass: undefined, notes: '' };
        return { policy: { ...nothing, subject, revision: 0 }, deleted: true };
      }
      const name = subjectText(subject);
      throw new ServiceError('POLICY_NOT_FOUND', `${name}: not found`, { metadata: { name } });
    },
  };
}
