import { unknownEstimate } from '../../core/call.ts';
import type { CallRequest } from '../../core/call.ts';
import { asCataloged } from '../../core/served-by.ts';
import type { Subject } from '../../core/subject.ts';
import { noSubjects } from '../scope.ts';

/** A call that names one subject and nothing else. */
export function callOfSubject(subject: Subject): CallRequest {
  const { kind, id } = subject;
  const call = { target: '', served: asCataloged, estimate: unknownEstimate };
  const named = (subjects: Partial<CallRequest['subjects']>): CallRequest => ({
    ...call,
    credential: undefined,
    subjects: { ...noSubjects, ...subjects },
  });
  switch (kind) {
    case 'org':
      return named({});
    case 'team':
      return named({ teams: [id] });
    case 'label': {
      const at = id.indexOf('=');
      return named({ labels: new Map([[id.slice(0, at), id.slice(at + 1)]]) });
    }
    case 'key':
    case 'token':
      return { ...named({}), credential: { kind, id } };
    case 'user':
    case 'tier':
    case 'principal':
    case 'app':
    case 'customer':
      return named({ [kind]: id });
  }
}
