import type { CallPath } from '../core/call.ts';
import { meterOf } from '../core/meter.ts';
import { pathSubjects } from '../core/path.ts';
import { subjectName } from '../core/subject.ts';

/** The names of all meters without targets that a path could be charged to, members included. */
export function baseNames(path: CallPath): string[] {
  const names = pathSubjects(path).map(subjectName);
  if (path.user !== undefined) {
    for (const team of path.teams) {
      names.push(meterOf({ kind: 'team', id: team.id }, [], path.user).name);
    }
  }
  return names;
}
