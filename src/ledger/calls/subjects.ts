import type { CallPath } from '../../core/call.ts';
import { meterOf } from '../../core/meter.ts';
import { memoizeByObject } from '../../core/memoize-by-object.ts';
import { pathSubjects } from '../../core/path.ts';
import { subjectName } from '../../core/subject.ts';

/** The names of all meters without targets that a path could be charged to, members included. */
export const baseNames = memoizeByObject((path: CallPath): readonly string[] => {
  const names = pathSubjects(path).map(subjectName);
  if (path.user !== undefined) {
    for (const team of path.teams) {
      names.push(meterOf({ kind: 'team', id: team.id }, [], path.user).name);
    }
  }
  return names;
});
